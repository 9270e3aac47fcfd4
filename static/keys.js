// One key, one act: the keys stand at the foot of the page.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll(".entry .entry-row")];
  const current = () => document.activeElement.closest && document.activeElement.closest(".entry");

  function focus(row) {
    if (!row) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** From no row: the last one, for the newest stand at the foot. */
  function move(step) {
    const all = rows();
    const at = current() ? all.indexOf(current().querySelector(".entry-row")) : -1;
    focus(at < 0 ? all[all.length - 1] : all[at + step]);
  }

  /** The next error after the row in hand; from no row, the last one. */
  function nextError() {
    const all = rows();
    const bad = all.filter((row) => row.closest(".entry-error, .entry-fatal"));
    const at = current() ? all.indexOf(current().querySelector(".entry-row")) : -1;
    focus(at < 0 ? bad[bad.length - 1] : bad.find((row) => all.indexOf(row) > at) || bad[0]);
  }

  function press(selector) {
    const entry = current() || document.querySelector(".entry:has(details[open])");
    const target = entry && entry.querySelector(selector);
    if (target) target.click();
  }

  const acts = {
    "/": () => { const box = document.getElementById("q"); box.focus(); box.select(); },
    j: () => move(1),
    k: () => move(-1),
    e: nextError,
    c: () => press(".entry-context"),
    t: () => press(".entry-trace-link"),
    l: () => document.getElementById("live").click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = Object.hasOwn(acts, event.key) && acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
