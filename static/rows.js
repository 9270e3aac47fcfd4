// Rows: an opened one fetches its inside, scrolling to an end fetches more and lets go of the other end.
"use strict";

(() => {
  const NEAR_PX = 800;
  const ROWS_MOST = 800; // the browser's work for a page grows with them
  const CHUNK = 200;
  const NEAR_LINES = 20;
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

  /** Put new lines at the foot, all at once; a row that says the same as the one before takes its place. */
  function append(lines) {
    let day = lastDay();
    let last = entries.lastElementChild;
    let focus = null;
    for (const line of [...lines.children]) {
      const own = line.dataset.day;
      if (own && own === day) {
        line.remove();
        continue;
      }
      if (own) day = own;
      if (alike(last, line) && !isOpen(last)) {
        if (keyOf(line) <= keyOf(last)) {
          line.remove();
          continue;
        }
        if (last.contains(document.activeElement) || last === focus) focus = line;
        fold(last, line);
        last.remove();
      }
      last = line;
    }
    entries.append(lines);
    if (focus) focus.querySelector(".entry-row").focus({ preventScroll: true });
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

  /** The rows that stand in the list. Only its own children are looked at: what is inside them is fifteen times as much. */
  function rowsNow() {
    return [...entries.children].filter(isRow);
  }

  /** Whether there are so many rows more than `most` that some should go: they go many at a time. */
  function isLong(most = ROWS_MOST) {
    return entries.children.length > most + CHUNK && rowsNow().length > most + CHUNK;
  }

  /** The later of two places, "time-key"; "" is before all. */
  function later(one, other) {
    if (!one || !other) return one || other;
    const [a, b] = [one.split("-"), other.split("-")];
    const before = a[0] === b[0] ? Number(a[1]) < Number(b[1]) : BigInt(a[0]) < BigInt(b[0]);
    return before ? other : one;
  }

  /** A place for "before" that does not leave out the line at `place` itself. */
  function past(place) {
    const [time, key] = place.split("-");
    return `${time}-${Number(key) + 1}`;
  }

  /** Let go of rows at one side but for `most`; a link there brings them back. All nodes go, not the elements alone:
      blanks that stay behind by the thousand make every step over the list slower. */
  function cut(side, most, latest = "") {
    const rows = rowsNow();
    if (rows.length <= most && !latest) return;
    const line = document.createElement("li");
    const say = entries.dataset;
    if (side === "older") {
      const first = most ? rows[rows.length - most] : null;
      let day = "";
      // A line that came late may be newer than those that stay: it is to be found again, too.
      let last = latest;
      while (entries.firstChild !== first) {
        const gone = entries.firstChild;
        if (gone.dataset) day = gone.dataset.day || day;
        if (gone.id) last = later(last, gone.dataset.at);
        gone.remove();
      }
      const own = first ? first.dataset.from || first.dataset.at : "";
      const place = own && later(last, own) === own ? own : past(last);
      line.className = "entries-day entries-older";
      line.dataset.day = day;
      line.append(link(say.sayOlder, say.older + place, say.olderRows + place));
      entries.prepend(line);
    } else {
      const last = rows[most - 1];
      while (entries.lastChild !== last) entries.lastChild.remove();
      const place = last.dataset.at;
      line.className = "entries-day entries-newer";
      line.append(link(say.sayNewer, say.newer + place, say.newerRows + place), " ", link(say.sayNewest, say.newest));
      entries.append(line);
    }
  }

  function trim(side, most = ROWS_MOST) {
    if (isLong(most)) cut(side, most);
  }

  /** Let go of all rows: those to come are newer than `latest`, and than more lines between than are shown. */
  function clear(latest) {
    cut("older", 0, latest);
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
    leaveOut(fetched);
    holding(firstSeen(), () => {
      line.replaceWith(fetched);
      if (beside && older) join(beside.previousElementSibling, beside);
      else if (beside) join(beside, beside.nextElementSibling);
      trim(older ? "newer" : "older");
    });
    onScroll();
  }

  /** Of new lines, those that are in the page already: they came by another way. */
  function leaveOut(lines) {
    for (const line of [...lines.children]) {
      if (line.id && document.getElementById(line.id)) line.remove();
    }
  }

  /** The lines of a text of HTML, without the blanks between them. */
  function linesOf(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    template.content.replaceChildren(...template.content.children);
    return template.content;
  }

  /** A part of a page, null when it cannot be had. */
  async function fragment(url) {
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) return null;
      return linesOf(await answer.text());
    } catch {
      return null;
    }
  }

  /** The day of the last lines: that of the nearest line from the foot up that tells one. */
  function lastDay() {
    for (let line = entries.lastElementChild; line; line = line.previousElementSibling) {
      if (line.dataset.day) return line.dataset.day;
    }
    return "";
  }

  /** The link at an end of the list that fetches more; null when there is none, or it is only to be pressed. */
  function further(line, side) {
    return line && line.classList.contains(`entries-${side}`) ? line.querySelector("a[data-more]") : null;
  }

  /** Pixels of rows beyond what is seen, up and down. */
  function beyond() {
    if (pane() === scroller) return ends();
    const list = entries.getBoundingClientRect();
    // Where the page scrolls the search stands above the rows. Whoever has come there is to stay there: rows that
    // came would push it away. "Older" can be pressed.
    return { above: list.top < 0 ? -list.top : Infinity, below: list.bottom - innerHeight };
  }

  /** Rows load before their end comes into sight. */
  function onScroll() {
    if (loading) return;
    const older = further(entries.firstElementChild, "older");
    const newer = further(entries.lastElementChild, "newer");
    if (!older && !newer) return;
    const { above, below } = beyond();
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

  document.addEventListener("htmx:load", (event) => {
    frame(event.detail.elt.parentElement || document);
    // Rows that came into the list leave its end where it is, maybe in sight: no scrolling would tell.
    if (entries && scroller && entries.contains(event.detail.elt)) onScroll();
  });
  frame(document);

  window.hantu = { ends, toFoot, toNewest, scrolled, append, linesOf, leaveOut, trim, clear, isLong, later };
  if (!entries || !scroller) return;
  // Without script the pane starts at its foot by being reversed; with it, an opened row must push down.
  scroller.classList.add("entries-plain");
  scroller.addEventListener("scroll", onScroll, { passive: true });
  document.addEventListener("scroll", onScroll, { passive: true });
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
