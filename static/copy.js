// Copying a line: its text, its JSON, or a command that asks for it.
"use strict";

(() => {
  const SAID_MS = 1500;
  const fetched = new WeakMap(); // menu → the entry's JSON, as the API wrote it

  async function entryOf(menu) {
    if (!fetched.has(menu)) {
      const answer = await fetch(menu.dataset.entry);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      fetched.set(menu, await answer.text());
    }
    return fetched.get(menu);
  }

  function textOf(button, entry) {
    if (button.dataset.copy === "curl") return button.dataset.text;
    return button.dataset.copy === "json" ? entry : JSON.parse(entry).message;
  }

  /** The clipboard is there only for HTTPS and for this machine; elsewhere what is selected can be copied. What
      could not be copied stays selected. */
  function copySelected(menu, text) {
    const box = document.createElement("textarea");
    box.className = "copies-text";
    box.readOnly = true;
    box.value = text;
    menu.querySelector(".menu-panel").append(box);
    box.select();
    const done = document.execCommand("copy");
    if (done) box.remove();
    return done;
  }

  async function put(menu, text) {
    if (!navigator.clipboard) return copySelected(menu, text);
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copySelected(menu, text);
    }
  }

  function tell(menu, button, text, after) {
    const before = button.textContent;
    button.textContent = text;
    button.disabled = true;
    menu.querySelector("[role=status]").textContent = text;
    setTimeout(() => {
      button.textContent = before;
      button.disabled = false;
      menu.querySelector("[role=status]").textContent = "";
      after();
    }, SAID_MS);
  }

  async function copy(menu, button) {
    for (const box of menu.querySelectorAll(".copies-text")) box.remove();
    let done = false;
    try {
      const entry = button.dataset.copy === "curl" ? "" : fetched.get(menu) || await entryOf(menu);
      done = await put(menu, textOf(button, entry));
    } catch {
      done = false; // the line is gone, or hantu is away
    }
    if (done) {
      menu.querySelector("summary").focus();
      tell(menu, button, menu.dataset.said, () => { menu.open = false; });
    } else {
      tell(menu, button, menu.dataset.failed, () => {});
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copies [data-copy]");
    if (button) copy(button.closest(".copies"), button);
  });

  // Some browsers let a page copy only within the click itself: what is to be copied is there by then.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches(".copies[open]")) entryOf(event.target).catch(() => {});
  }, true);

  function show(root) {
    for (const menu of root.querySelectorAll(".copies[hidden]")) menu.hidden = false;
  }

  document.addEventListener("htmx:load", (event) => show(event.detail.elt.parentElement || document));
  show(document);
})();
