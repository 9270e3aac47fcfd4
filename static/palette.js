// The palette (Ctrl-K, ⌘K, the button at the top) and the list of keys (?), on every page.
"use strict";

(() => {
  const dialog = document.getElementById("palette");
  const box = document.getElementById("palette-q");
  const found = document.getElementById("palette-found");
  const onMac = /Mac|iPhone|iPad/.test(navigator.platform);
  let asked = 0;
  let waiting = null;

  const options = () => [...found.querySelectorAll("[role=option]")];
  const selected = () => found.querySelector("[aria-selected=true]");

  function select(option) {
    const before = selected();
    if (before) before.setAttribute("aria-selected", "false");
    if (!option) {
      box.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  }

  function move(step) {
    const all = options();
    if (!all.length) return;
    select(all[(all.indexOf(selected()) + step + all.length) % all.length]);
  }

  /** Ask for what is typed; an answer that comes after a later question is not shown. */
  async function look() {
    const mine = ++asked;
    if (waiting) waiting.abort();
    waiting = new AbortController();
    try {
      const answer = await fetch("/palette?q=" + encodeURIComponent(box.value), {
        headers: { "HX-Request": "true" },
        signal: waiting.signal,
      });
      if (mine !== asked || !answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return;
      found.replaceChildren(...page.body.childNodes);
      found.scrollTop = 0;
      select(options()[0]);
    } catch (error) {
      if (error.name !== "AbortError") found.replaceChildren();
    }
  }

  function open() {
    if (dialog.open) return;
    dialog.showModal();
    box.setAttribute("aria-expanded", "true");
    box.select();
    look();
  }

  box.addEventListener("input", look);
  box.addEventListener("keydown", (event) => {
    // Enter ends a Korean syllable first.
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      move(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const option = selected();
      if (option) option.click();
    }
  });
  found.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== selected()) select(option);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => box.setAttribute("aria-expanded", "false"));
  // A link to a place on this very page, or a page that comes back by the browser's own button.
  found.addEventListener("click", (event) => {
    if (event.target.closest("a")) dialog.close();
  });

  for (const link of document.querySelectorAll(".top-find")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open();
    });
    const key = link.querySelector("kbd");
    if (key && onMac) key.textContent = "⌘K";
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else open();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.key !== "?" || dialog.open) return;
    if (event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    document.getElementById("keys").togglePopover();
  });
})();
