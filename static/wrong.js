// What is wrong with the search that is being typed: under the box, at its place, when typing rests.
"use strict";

(() => {
  const box = document.querySelector("[data-complete]");
  const panel = document.getElementById("wrong-now");
  if (!box || !panel) return;

  const WAIT_MS = 400;
  const UNFINISHED_MS = 1500; // a quote just opened is no mistake yet
  const FIXES_MOST = 3;
  const sent = document.getElementById("wrong"); // what was wrong with the text that was sent
  const sentText = box.value;
  let waiting = 0; // timer
  let last = null; // { text, wrong } as it was said

  function part(name, text, kind = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function clear() {
    clearTimeout(waiting);
    panel.replaceChildren();
    const asSent = sent && box.value === sentText;
    if (sent) sent.hidden = !asSent;
    if (asSent) {
      box.setAttribute("aria-invalid", "true");
      box.setAttribute("aria-describedby", sent.id);
    } else {
      box.removeAttribute("aria-invalid");
      box.removeAttribute("aria-describedby");
    }
  }

  function take(text) {
    box.value = text;
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function fixes(texts) {
    const line = part("p", "", "wrong-fixes");
    line.append(`${panel.dataset.sayPerhaps} `);
    for (const text of texts) {
      const button = part("button", text, "button button-quiet mono");
      button.type = "button";
      button.addEventListener("click", () => take(text));
      line.append(button, " ");
    }
    return line;
  }

  function show(wrong) {
    const place = document.createElement("pre");
    place.setAttribute("aria-hidden", "true");
    place.append(wrong.before, part("b", wrong.at), wrong.after, "\n",
      part("span", wrong.before, "wrong-blank"), part("b", "^", "wrong-caret"));
    panel.replaceChildren(part("p", wrong.message), place);
    if (wrong.fixes.length) panel.append(fixes(wrong.fixes.slice(0, FIXES_MOST)));
    box.setAttribute("aria-invalid", "true");
    box.setAttribute("aria-describedby", panel.id);
    place.scrollLeft = Math.max(0, place.querySelector("b").offsetLeft - place.clientWidth / 2);
  }

  box.addEventListener("input", clear);
  box.addEventListener("verdict", (event) => {
    const wrong = event.detail;
    clear();
    if (!wrong || (sent && box.value === sentText)) return;
    last = { text: box.value, wrong };
    waiting = setTimeout(() => show(wrong), wrong.unfinished ? UNFINISHED_MS : WAIT_MS);
  });
  // The box keeps the focus, so that a phone keeps its keyboard.
  panel.addEventListener("pointerdown", (event) => event.preventDefault());
  // Elsewhere it would lie over what is read; back at the box it is there again.
  box.parentElement.addEventListener("focusout", (event) => {
    if (box.parentElement.contains(event.relatedTarget)) return;
    clearTimeout(waiting);
    panel.replaceChildren();
  });
  box.addEventListener("focus", () => { if (last && box.value === last.text && !panel.firstChild) show(last.wrong); });
  addEventListener("pageshow", clear);
})();
