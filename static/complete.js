// Suggestions under the search box: fields, their values, searches from before. Typing never waits for them.
"use strict";

(() => {
  const box = document.querySelector("[data-complete]");
  const list = box && document.getElementById(box.dataset.complete);
  if (!list) return;

  const WAIT_MS = 80;
  const RECENT_MOST = 12;
  const RECENT_SHOWN = 5;
  const KEY = "hantu:recent";
  const voice = document.getElementById("complete-voice");
  const say = list.dataset;

  let waiting = 0; // timer
  let asking = null; // AbortController of the request under way
  let found = { start: 0, word: "", tail: "", items: [] }; // start: where the word begins
  let active = -1;
  let composing = false;

  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  const isOpen = () => !list.hidden;

  function recent() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
    } catch {
      return []; // no storage, or not ours: there is nothing to offer
    }
  }

  function remember(text) {
    if (!text.trim()) return;
    const kept = [text.trim(), ...recent().filter((other) => other !== text.trim())];
    try {
      localStorage.setItem(KEY, JSON.stringify(kept.slice(0, RECENT_MOST)));
    } catch {
      // Private windows may refuse: the search works without it.
    }
  }

  /** Searches from before that go on as the whole text begins. */
  function recentItems() {
    const begun = box.value.trimStart().toLowerCase();
    return recent()
      .filter((text) => text.toLowerCase().startsWith(begun) && text !== box.value.trim())
      .slice(0, RECENT_SHOWN)
      .map((text) => ({ text, label: text, note: say.sayRecent, whole: true }));
  }

  function close() {
    clearTimeout(waiting);
    if (asking) asking.abort();
    list.hidden = true;
    active = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
    voice.textContent = "";
  }

  function option(item, at) {
    const line = document.createElement("li");
    line.id = `complete-${at}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    for (const text of [item.label, item.note]) {
      const part = document.createElement("span");
      part.textContent = text;
      line.append(part);
    }
    return line;
  }

  function show(answer, wanted) {
    const atEnd = box.selectionStart === box.value.length;
    const start = box.selectionStart - answer.word.length;
    found = { ...answer, start, items: [...(atEnd ? recentItems() : []), ...answer.items] };
    // What stands there already needs no list; asked for by a key, everything is shown.
    const only = found.items.length === 1 && found.items[0].text.trim() === answer.word;
    if (!found.items.length || (only && !wanted)) { close(); return; }
    list.replaceChildren(...found.items.map(option));
    list.hidden = false;
    list.scrollTop = 0;
    active = -1;
    box.setAttribute("aria-expanded", "true");
    box.removeAttribute("aria-activedescendant");
    voice.textContent = say.sayCount.replace("{count}", found.items.length);
  }

  /** wanted: the reader asked for the list by a key. silent: only whether the text is right is asked. */
  async function ask(wanted, silent = false) {
    if (asking) asking.abort();
    const own = asking = new AbortController();
    const text = box.value;
    const at = box.selectionStart;
    try {
      const parameters = new URLSearchParams({ q: text, at });
      const answer = await fetch(`/logs/complete?${parameters}`, { signal: own.signal });
      if (!answer.ok) return;
      const suggestions = await answer.json();
      const same = box.value === text && box.selectionStart === at && document.activeElement === box;
      if (!same || own.signal.aborted || composing) return;
      box.dispatchEvent(new CustomEvent("verdict", { detail: suggestions.wrong })); // wrong.js
      if (silent) return;
      if (suggestions.word || wanted) show(suggestions, wanted);
      else if (recentItems().length && text.trim()) show({ ...suggestions, items: [] }, wanted);
      else close();
    } catch (error) {
      if (error.name !== "AbortError") close(); // without suggestions the box is as good as before
    }
  }

  function move(step) {
    const lines = list.children;
    if (active >= 0) lines[active].setAttribute("aria-selected", "false");
    // Beyond either end stands the text itself.
    active = active + step;
    if (active < -1) active = lines.length - 1;
    if (active >= lines.length) active = -1;
    if (active < 0) { box.removeAttribute("aria-activedescendant"); return; }
    lines[active].setAttribute("aria-selected", "true");
    lines[active].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", lines[active].id);
  }

  /** The first that goes on as the word stands now: it may have grown since the list came. */
  function nearest() {
    const word = box.value.slice(found.start, box.selectionStart).toLowerCase();
    if (word === found.word.toLowerCase()) return 0;
    return found.items.findIndex((item) => !item.whole && item.text.toLowerCase().startsWith(word));
  }

  function take(at) {
    const item = found.items[at];
    const cursor = box.selectionStart;
    if (!item || cursor < found.start) { close(); return; }
    if (item.whole) {
      box.value = item.text;
      close();
      box.form.requestSubmit();
      return;
    }
    let end = cursor + found.tail.length;
    if (item.text.endsWith(" ") && box.value[end] === " ") end += 1;
    box.setRangeText(item.text, found.start, end, "end");
    close();
    // After a field come its values; after a value, whether the whole is right.
    const whole = item.text.endsWith(" ");
    ask(!whole, whole);
  }

  box.addEventListener("compositionstart", () => { composing = true; close(); });
  box.addEventListener("compositionend", () => { composing = false; });
  box.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (event.isComposing || composing) return;
    waiting = setTimeout(() => ask(false), WAIT_MS);
  });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || composing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isOpen()) move(event.key === "ArrowDown" ? 1 : -1);
      else ask(true);
      return;
    }
    if (!isOpen()) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(active);
    } else if (event.key === "Tab" && !event.shiftKey && (active >= 0 || found.word)) {
      event.preventDefault();
      take(active >= 0 ? active : nearest());
    }
  });
  // The box keeps the focus, so that a phone keeps its keyboard.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[role=option]");
    if (line) take([...list.children].indexOf(line));
  });
  box.form.addEventListener("submit", () => remember(box.value));
  addEventListener("pageshow", close);
})();
