// The histogram: drag over it to choose a time, with the mouse, a finger, or Shift and the arrow keys.
"use strict";

(() => {
  const DRAG_PX = 5;
  const SVG = "http://www.w3.org/2000/svg";
  let drag = null; // { bars, from, to, x, moved } while a pointer is down
  let chosen = null; // { bars, from, to }: parts that are marked, from ≤ to or the other way round
  let dragged = false; // the click that ends a drag is none

  const barsOf = (event) => event.target.closest && event.target.closest(".histogram-bars");
  const figureOf = (bars) => bars.closest(".histogram");
  const edgesOf = (bars) => figureOf(bars).dataset.edges.split(" ");
  const linksOf = (bars) => [...bars.querySelectorAll("a")];
  const partOf = (link) => Number(link.dataset.at);
  const ends = ({ from, to }) => [Math.min(from, to), Math.max(from, to)];

  /** Which part is under the pointer. */
  function under(bars, event) {
    const box = bars.getBoundingClientRect();
    const count = edgesOf(bars).length - 1;
    const at = Math.floor(((event.clientX - box.left) / box.width) * count);
    return Math.min(Math.max(at, 0), count - 1);
  }

  /** What the caption says now; without a text what it said first. */
  function say(bars, text) {
    const now = figureOf(bars).querySelector(".histogram-now");
    if (now.dataset.first === undefined) now.dataset.first = now.textContent;
    now.textContent = text || now.dataset.first;
  }

  function sayPart(bars, at) {
    const link = bars.querySelector(`a[data-at="${at}"]`);
    say(bars, link ? link.querySelector("title").textContent : edgesOf(bars)[at].replace("T", " "));
  }

  function mark({ bars, from, to }) {
    clear();
    const [first, last] = ends({ from, to });
    const box = document.createElementNS(SVG, "rect");
    box.setAttribute("class", "histogram-drag");
    for (const [name, value] of [["x", first * 10], ["y", 0], ["width", (last - first + 1) * 10], ["height", 56]]) {
      box.setAttribute(name, value);
    }
    bars.append(box);
    chosen = { bars, from, to };
    const lines = linksOf(bars).filter((link) => partOf(link) >= first && partOf(link) <= last)
      .reduce((sum, link) => sum + Number(link.dataset.lines), 0);
    const edges = edgesOf(bars).map((edge) => edge.replace("T", " "));
    const count = figureOf(bars).dataset.sayLines.replace("{n}", lines.toLocaleString("en-US"));
    say(bars, `${edges[first]} – ${edges[last + 1]} · ${count}`);
  }

  function clear() {
    for (const box of document.querySelectorAll(".histogram-drag")) box.remove();
    if (chosen && chosen.bars.isConnected) say(chosen.bars, "");
    chosen = null;
  }

  function zoom() {
    const { bars, from, to } = chosen;
    const [first, last] = ends({ from, to });
    const edges = edgesOf(bars);
    const url = new URL(figureOf(bars).dataset.zoom, location.href);
    url.searchParams.set("since", edges[first]);
    url.searchParams.set("until", edges[last + 1]);
    location.assign(url);
  }

  document.addEventListener("pointerdown", (event) => {
    const bars = barsOf(event);
    dragged = false;
    if (!bars || event.button !== 0 || event.ctrlKey || event.metaKey) return;
    const at = under(bars, event);
    drag = { bars, from: at, to: at, x: event.clientX, moved: false };
  });

  document.addEventListener("pointermove", (event) => {
    const bars = drag ? drag.bars : barsOf(event);
    if (!bars || !bars.isConnected) return;
    const at = under(bars, event);
    if (!drag) {
      if (!chosen) sayPart(bars, at);
      return;
    }
    if (!drag.moved && Math.abs(event.clientX - drag.x) < DRAG_PX) return;
    if (!drag.moved) bars.setPointerCapture(event.pointerId);
    drag.moved = true;
    drag.to = at;
    mark(drag);
  });

  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const ended = drag;
    drag = null;
    dragged = ended.moved;
    if (ended.moved && chosen) zoom();
  });

  document.addEventListener("pointercancel", () => { drag = null; clear(); });
  // A press is no wish to focus a bar, to select text, or to drag a link away.
  document.addEventListener("mousedown", (event) => { if (barsOf(event) && event.button === 0) event.preventDefault(); });
  document.addEventListener("dragstart", (event) => { if (barsOf(event)) event.preventDefault(); });
  document.addEventListener("click", (event) => { if (dragged && barsOf(event)) event.preventDefault(); }, true);
  document.addEventListener("pointerout", (event) => {
    const bars = barsOf(event);
    if (bars && !drag && !chosen && !bars.contains(event.relatedTarget)) say(bars, "");
  });

  /** Arrows lead from bar to bar; with Shift they choose what lies between. */
  function onKey(event, bars) {
    const links = linksOf(bars);
    const own = links.indexOf(document.activeElement);
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -links.length, End: links.length };
    if (event.key === "Enter" && chosen) {
      event.preventDefault();
      zoom();
    } else if (event.key in steps && own >= 0) {
      event.preventDefault();
      const next = links[Math.min(Math.max(own + steps[event.key], 0), links.length - 1)];
      const from = chosen ? chosen.from : partOf(links[own]);
      for (const link of links) link.setAttribute("tabindex", link === next ? "0" : "-1");
      next.focus();
      if (event.shiftKey) mark({ bars, from, to: partOf(next) });
      else clear();
      if (!event.shiftKey) sayPart(bars, partOf(next));
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (drag || chosen)) {
      drag = null;
      clear();
      return;
    }
    const bars = barsOf(event);
    if (bars && !event.ctrlKey && !event.metaKey && !event.altKey) onKey(event, bars);
  });
})();
