// The list of runs: keys that move, filters that search when they are chosen.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll("tr.run .run-job")];

  function move(step) {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? 0 : at + step];
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  const acts = {
    "/": () => { const box = document.getElementById("q"); box.focus(); box.select(); },
    j: () => move(1),
    k: () => move(-1),
  };

  const search = document.getElementById("search");
  if (!search) return;
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
  // What stands in the menu is sent together, by its own button.
  search.addEventListener("change", (event) => {
    if (event.target.matches(".search > select")) search.requestSubmit();
  });
})();
