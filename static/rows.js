// Rows: an opened one fetches its inside, scrolling to an end fetches more, a copy is copied.
"use strict";

(() => {
  const NEAR_PX = 800;
  const entries = document.querySelector(".entries");
  const scroller = document.querySelector(".entries-scroll");

  /** The element that scrolls: the pane on a desk, the page on a phone. */
  function pane() {
    const own = scroller && getComputedStyle(scroller).overflowY === "auto";
    return own ? scroller : document.scrollingElement;
  }

  let place = { box: null, top: 0 };

  /** Scroll for the reader, who is not to be taken for having scrolled. */
  function scrollTo(top) {
    const box = pane();
    box.scrollTop = top;
    place = { box, top: box.scrollTop };
  }

  /** How far the reader scrolled since this was last asked, in pixels; upwards is negative. */
  function scrolled() {
    const box = pane();
    const moved = box === place.box ? box.scrollTop - place.top : 0;
    place = { box, top: box.scrollTop };
    return moved;
  }

  /** Pixels from what is seen to the two ends. */
  function ends() {
    const box = pane();
    return { above: box.scrollTop, below: box.scrollHeight - box.clientHeight - box.scrollTop };
  }

  function toFoot() {
    scrollTo(pane().scrollHeight);
  }

  /** Change the rows without moving what is read: `kept` stays where it is. */
  async function holding(kept, change) {
    const before = kept && kept.getBoundingClientRect().top;
    await change();
    if (kept && kept.isConnected) {
      const moved = kept.getBoundingClientRect().top - before;
      if (Math.abs(moved) > 1) scrollTo(pane().scrollTop + moved);
    }
  }

  function firstSeen() {
    const top = pane() === scroller ? scroller.getBoundingClientRect().top : 0;
    for (const row of entries.children) {
      if (row.getBoundingClientRect().bottom > top && row.id) return row;
    }
    return null;
  }

  let loading = false;

  async function more(link, side) {
    if (loading) return;
    loading = true;
    const line = link.closest("li");
    const day = side === "older" ? line.dataset.day || "" : lastDay();
    const url = `${link.dataset.more}&day=${encodeURIComponent(day)}`;
    try {
      await holding(firstSeen(), () => htmx.ajax("GET", url, { target: line, swap: "outerHTML" }));
    } finally {
      // A failed request leaves its link as it was: to be clicked, not to be tried again by scrolling.
      if (line.isConnected) delete link.dataset.more;
      loading = false;
    }
  }

  function lastDay() {
    const days = entries.querySelectorAll("[data-day]");
    return days.length ? days[days.length - 1].dataset.day : "";
  }

  /** In a pane of their own, rows load by scrolling. Where the page scrolls, its top is the search: a
      page that grows there could never be left upwards, so there "Older" is a link to press. */
  function onScroll() {
    if (pane() !== scroller) return;
    const { above, below } = ends();
    const older = entries.querySelector(".entries-older a[data-more]");
    const newer = entries.querySelector(".entries-newer a[data-more]");
    if (older && above < NEAR_PX) more(older, "older");
    else if (newer && below < NEAR_PX) more(newer, "newer");
  }

  /** What of the pane is seen: the foot lies over it where the page scrolls. */
  function seen() {
    const head = document.querySelector(".top");
    const over = getComputedStyle(head).position === "sticky" ? head.getBoundingClientRect().bottom : 0;
    const top = pane() === scroller ? scroller.getBoundingClientRect().top : over;
    return { top, bottom: document.querySelector(".entries-foot").getBoundingClientRect().top };
  }

  /** Bring as much of an opened row into sight as fits; one that is in sight does not move. */
  function reveal(details) {
    if (!entries || !details.open) return;
    const box = details.getBoundingClientRect();
    const { top, bottom } = seen();
    const by = Math.min(box.bottom - bottom, box.top - top);
    if (by > 0 && box.top < bottom) scrollTo(pane().scrollTop + by);
  }

  async function open(details) {
    const inside = details.querySelector(".entry-detail");
    if (!inside) return;
    if (!inside.dataset.loaded) {
      inside.dataset.loaded = "1";
      const id = details.parentElement.id.slice(2);
      const search = entries ? entries.dataset.search : "";
      const url = `/logs/${id}/detail?q=${encodeURIComponent(search)}`;
      await htmx.ajax("GET", url, { target: inside, swap: "innerHTML" });
    }
    reveal(details);
  }

  async function copy(button) {
    const answer = await fetch(button.dataset.copy);
    const text = (await answer.json()).message;
    await navigator.clipboard.writeText(text);
    const word = button.lastChild;
    const before = word.textContent;
    word.textContent = ` ${button.dataset.said}`;
    setTimeout(() => { word.textContent = before; }, 1500);
  }

  // `toggle` does not bubble: it is caught on its way down.
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.open && details.parentElement.classList.contains("entry")) open(details);
  }, true);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-more], [data-load], [data-copy], a[href$='#newest']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.dataset.copy) {
      copy(link);
    } else if (link.dataset.more) {
      event.preventDefault();
      more(link, link.closest(".entries-older") ? "older" : "newer");
    } else if (link.dataset.load) {
      event.preventDefault();
      htmx.ajax("GET", link.dataset.load, { target: link.closest("li"), swap: "outerHTML" });
    } else if (link.getAttribute("href") === "#newest") {
      event.preventDefault();
      toFoot();
    }
  });

  function enhance(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = !navigator.clipboard;
  }

  document.addEventListener("htmx:afterSwap", (event) => enhance(event.target.parentElement || document));
  enhance(document);

  window.hantu = { ends, toFoot, scrolled, lastDay };
  if (!entries) return;
  // Without script the pane starts at its foot by being reversed; with it, an opened row must push down.
  if (scroller) scroller.classList.add("entries-plain");
  if (scroller) scroller.addEventListener("scroll", onScroll, { passive: true });
  if (entries.querySelector(".entries-newer") || location.hash) return;
  toFoot();
  if (document.getElementById("tail")) return;
  // What comes late around the rows must not hide the newest; what the reader does ends this.
  const sizes = new ResizeObserver(toFoot);
  for (const box of [document.body, scroller]) sizes.observe(box);
  for (const act of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(act, () => sizes.disconnect(), { once: true, passive: true, capture: true });
  }
})();
