// The inbox's keys, filters that search when they are chosen, and the copy of one error.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll("tr.error")];
  const current = () => document.activeElement.closest && document.activeElement.closest("tr.error");

  function move(step) {
    const all = rows();
    const at = current() ? all.indexOf(current()) : -1;
    const next = all[at < 0 ? 0 : at + step];
    if (!next) return;
    next.querySelector(".error-type").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function press(selector) {
    const target = current() && current().querySelector(selector);
    if (target) target.click();
  }

  const acts = {
    "/": () => { const box = document.getElementById("q"); box.focus(); box.select(); },
    j: () => move(1),
    k: () => move(-1),
    x: () => press(".error-pick input"),
    r: () => press(".error-settle"),
    m: () => press(".error-mute"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = document.getElementById("q") && Object.hasOwn(acts, event.key) && acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  const search = document.getElementById("search");
  if (search) {
    search.addEventListener("change", (event) => {
      if (event.target.matches("select")) search.requestSubmit();
    });
  }

  // After an act the row in hand is another one: the keys go on from where they were.
  let place = -1;
  document.addEventListener("htmx:beforeRequest", () => { place = current() ? rows().indexOf(current()) : -1; });
  document.addEventListener("htmx:afterSettle", () => {
    const all = rows();
    // Focus that went elsewhere meanwhile, as into the search, is the reader's own.
    if (place < 0 || !all.length || document.activeElement !== document.body) return;
    all[Math.min(place, all.length - 1)].querySelector(".error-type").focus({ preventScroll: true });
  });

  async function copy(button) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const word = button.querySelector("span");
    const before = word.textContent;
    word.textContent = button.dataset.said;
    setTimeout(() => { word.textContent = before; }, 1500);
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", () => copy(button));
  }
})();
