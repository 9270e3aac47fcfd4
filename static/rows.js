// Rows: an opened one fetches its inside, scrolling to an end fetches more and lets go of the other end.
"use strict";

(() => {
  const NEAR_PX = 800;
  const ROWS_MOST = 2000;
  const NEAR_LINES = 20;
  const entries = document.querySelector(".entries");
  const scroller = document.querySelector(".entries-scroll");
  const days = entries ? entries.getElementsByClassName("entries-day") : []; // kept by the browser

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

  /** To the newest line; when it was let go, by loading the page again. */
  function toNewest() {
    const newest = entries && entries.querySelector(".entries-newer a:not([data-more])");
    if (newest) location.assign(newest.href.split("#")[0]);
    else toFoot();
  }

  /** Change the rows without moving what is read: `kept` stays where it is. */
  function holding(kept, change) {
    const before = kept && kept.getBoundingClientRect().top;
    change();
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

  const isRow = (line) => Boolean(line && line.id);
  const timesOf = (row) => Number(row.dataset.times || 1);
  const keyOf = (row) => Number(row.dataset.at.slice(row.dataset.at.lastIndexOf("-") + 1));
  const isOpen = (row) => row.querySelector(":scope > details[open]") !== null;

  /** Whether a row says the same as the one before it. */
  function alike(before, row) {
    return "fold" in entries.dataset && isRow(before) && isRow(row)
      && Boolean(row.dataset.alike) && before.dataset.alike === row.dataset.alike;
  }

  /** Let a row stand for the one before it, too, which is not in the list any more, or not yet. */
  function fold(before, row) {
    row.dataset.from = before.dataset.from || before.dataset.at;
    row.dataset.times = timesOf(before) + timesOf(row);
    let pills = row.querySelector(".pills");
    if (!pills) {
      pills = document.createElement("span");
      pills.className = "pills";
      row.querySelector(".entry-row").append(" ", pills);
    }
    let pill = pills.querySelector(".pill-times");
    if (!pill) {
      pill = document.createElement("span");
      pill.className = "pill pill-times";
      pills.prepend(pill);
    }
    pill.textContent = `×${timesOf(row).toLocaleString("en-US")}`;
  }

  /** Put a row at the foot; one that says the same as the last takes its place. */
  function append(row) {
    const last = entries.lastElementChild;
    if (!alike(last, row) || isOpen(last)) {
      entries.append(row);
    } else if (keyOf(row) > keyOf(last)) {
      const focused = last.contains(document.activeElement);
      fold(last, row);
      last.replaceWith(row);
      if (focused) row.querySelector(".entry-row").focus({ preventScroll: true });
    }
  }

  /** Where rows that were fetched meet those that were there, the same may stand on both sides. */
  function join(before, row) {
    if (!alike(before, row) || isOpen(before) || isOpen(row)) return;
    fold(before, row);
    before.remove();
  }

  function link(text, href, rows) {
    const made = document.createElement("a");
    made.href = href;
    if (rows) made.dataset.more = rows;
    made.textContent = text;
    return made;
  }

  /** Whether there are so many rows that some should go. */
  function isLong() {
    return entries.childElementCount > ROWS_MOST * 1.1 + days.length;
  }

  /** Beyond ROWS_MOST, let go of the oldest ("older") or newest ("newer") rows; a link there brings them back. */
  function trim(side) {
    if (!isLong()) return;
    const rows = entries.querySelectorAll(":scope > li[id]");
    const extra = rows.length - ROWS_MOST;
    if (extra <= 0) return;
    const line = document.createElement("li");
    const say = entries.dataset;
    if (side === "older") {
      const first = rows[extra];
      let day = "";
      while (entries.firstElementChild !== first) {
        day = entries.firstElementChild.dataset.day || day;
        entries.firstElementChild.remove();
      }
      const place = first.dataset.from || first.dataset.at;
      line.className = "entries-day entries-older";
      line.dataset.day = day;
      line.append(link(say.sayOlder, say.older + place, say.olderRows + place));
      entries.prepend(line);
    } else {
      const last = rows[ROWS_MOST - 1];
      while (entries.lastElementChild !== last) entries.lastElementChild.remove();
      const place = last.dataset.at;
      line.className = "entries-day entries-newer";
      line.append(link(say.sayNewer, say.newer + place, say.newerRows + place), " ", link(say.sayNewest, say.newest));
      entries.append(line);
    }
  }

  let loading = false;

  async function more(link, side) {
    if (loading) return;
    loading = true;
    const line = link.closest("li");
    const older = side === "older";
    const day = older ? line.dataset.day || "" : lastDay();
    const url = `${link.dataset.more}&day=${encodeURIComponent(day)}`;
    const beside = older ? line.nextElementSibling : line.previousElementSibling;
    const fetched = await fragment(url);
    loading = false;
    if (!line.isConnected) return;
    if (!fetched) {
      // It stays a link: to be clicked, not to be tried again by scrolling.
      delete link.dataset.more;
      return;
    }
    holding(firstSeen(), () => {
      line.replaceWith(fetched);
      if (older) join(beside.previousElementSibling, beside);
      else join(beside, beside.nextElementSibling);
      trim(older ? "newer" : "older");
    });
    onScroll();
  }

  /** A part of a page, null when it cannot be had. */
  async function fragment(url) {
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) return null;
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      return template.content;
    } catch {
      return null;
    }
  }

  function lastDay() {
    for (let at = days.length - 1; at >= 0; at -= 1) {
      if (days[at].dataset.day) return days[at].dataset.day;
    }
    return "";
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
      const from = details.parentElement.dataset.from;
      const url = `/logs/${id}/detail?q=${encodeURIComponent(search)}${from ? `&from=${from}` : ""}`;
      await htmx.ajax("GET", url, { target: inside, swap: "innerHTML" });
    }
    reveal(details);
  }

  // `toggle` does not bubble: it is caught on its way down.
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.open && details.parentElement.classList.contains("entry")) open(details);
  }, true);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-more], [data-load], a[href='#newest'], .entries-newer a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.dataset.more) {
      event.preventDefault();
      more(link, link.closest(".entries-older") ? "older" : "newer");
    } else if (link.dataset.load) {
      event.preventDefault();
      htmx.ajax("GET", link.dataset.load, { target: link.closest("li"), swap: "outerHTML" });
    } else {
      event.preventDefault();
      toNewest();
    }
  });

  /** Many lines around one scroll in a box of their own, with that one in its middle. */
  function frame(root) {
    for (const lines of root.querySelectorAll(".near > .lines")) {
      const own = lines.querySelector("[aria-current]");
      if (!own || lines.childElementCount <= NEAR_LINES) continue;
      lines.classList.add("lines-box");
      lines.tabIndex = 0;
      lines.scrollTop += own.getBoundingClientRect().top - lines.getBoundingClientRect().top - lines.clientHeight / 2;
    }
  }

  document.addEventListener("htmx:load", (event) => frame(event.detail.elt.parentElement || document));
  frame(document);

  window.hantu = { ends, toFoot, toNewest, scrolled, lastDay, append, trim, isLong, keyOf, isRow };
  if (!entries || !scroller) return;
  // Without script the pane starts at its foot by being reversed; with it, an opened row must push down.
  scroller.classList.add("entries-plain");
  scroller.addEventListener("scroll", onScroll, { passive: true });
  if (entries.querySelector(".entries-newer") || location.hash) return;
  toFoot();
  if (document.getElementById("tail")) return;
  // What comes late around the rows must not hide the newest; what the reader does ends this.
  const sizes = new ResizeObserver(toFoot);
  for (const box of [document.body, scroller]) if (box) sizes.observe(box);
  for (const act of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(act, () => sizes.disconnect(), { once: true, passive: true, capture: true });
  }
})();
