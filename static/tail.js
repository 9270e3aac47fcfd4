// The live view: new rows at the foot while the reader is there, else they wait. It takes a bounded share of the
// browser's time, however many lines arrive: the next ones are asked for when these are shown and some rest has passed.
"use strict";

(() => {
  const foot = document.getElementById("tail");
  const entries = document.querySelector(".entries");
  if (!foot || !entries) return;

  const ROWS_MOST = 500; // in the page while it follows, and of those that wait
  const AT_FOOT_PX = 24;
  const SAY_EVERY_MS = 5000;
  // After rows that took a while to show, so many times that while: a page that follows a flood is busy a fifth of the
  // time. Few rows rest half as long: so that each is seen within 250 ms of its arrival.
  const REST_TIMES = 4;
  const REST_TIMES_FEW = 2;
  const ROWS_FEW = 60; // at once; a flood brings 200
  const REST_MS_MOST = 500;
  const WAIT_MS = 250; // what only waits is asked for so often
  const FRAME_MS_MOST = 500;
  const say = foot.dataset;
  const pill = foot.querySelector(".entries-new");
  const state = document.getElementById("tail-state");
  const voice = document.getElementById("tail-voice");
  const { ends, scrolled, toFoot, toNewest, append, linesOf, leaveOut, trim, clear, isLong, later } = window.hantu;

  let following = true; // new rows are shown at once; else they wait
  let waiting = []; // messages not shown yet, oldest first
  let left = null; // older than those and let go: {count, errors, latest, unsure}
  let busy = false; // rows are being shown, or some rest passes
  let frame = 0;
  let late = 0; // leads on when no frame comes, as in a window that is covered
  let spent = 0; // ms that showing took so far
  let few = true; // what is being shown is few rows
  let began = 0;
  const open = new Set(); // the rows that are open, also some that are gone
  let said = 0;
  let saying = 0;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const count = (number) => number.toLocaleString("en-US");
  const atFoot = () => ends().below <= AT_FOOT_PX;
  const reading = () => [...open].some((details) => details.isConnected);
  // Older rows that were read made the list let go of its newest: its end is not the foot.
  const cut = () => entries.lastElementChild?.classList.contains("entries-newer");
  const sum = (name) => waiting.reduce((all, one) => all + (one[name] || 0), left ? left[name] : 0);

  /** See what the reader did. Only scrolling up and opening a row leave the foot: that the page
      grows around the rows, as when its counts arrive, does not. */
  function notice() {
    const by = scrolled();
    if (!atFoot() || cut()) {
      if (by < 0 || cut()) following = false;
    } else if (by > 0 || !reading()) {
      following = true;
    }
    if (following && !document.hidden) show();
  }

  function follow() {
    if (cut()) {
      toNewest();
      return;
    }
    following = true;
    show();
    toFoot();
  }

  function set(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  /** Tell the state: the eye at once, a screen reader at most every 5 s. */
  function tell(text) {
    if (state.textContent === text) return;
    state.textContent = text;
    clearTimeout(saying);
    const speak = () => {
      said = Date.now();
      set(voice, text);
    };
    saying = setTimeout(speak, Math.max(0, said + SAY_EVERY_MS - Date.now()));
  }

  function showWaiting() {
    const lines = sum("count");
    const errors = sum("errors");
    // Nobody looked into those that were skipped.
    const unsure = waiting.some((one) => one.type === "skipped") || (left && left.unsure);
    const values = { lines: count(lines), errors: count(errors) + (unsure ? "+" : "") };
    pill.hidden = lines === 0;
    set(pill.lastElementChild, fill(errors ? say.sayNewErrors : say.sayNew, values));
    tell(lines ? fill(errors ? say.sayPausedErrors : say.sayPaused, values) : say.sayLive);
  }

  /** Those that wait beyond ROWS_MOST are let go of: they stand above those that stay, which are the newest. */
  function thin() {
    let rows = waiting.reduce((all, one) => all + (one.type === "rows" ? one.count : 0), 0);
    while (rows > ROWS_MOST && waiting.length > 1) {
      const gone = waiting.shift();
      left ||= { count: 0, errors: 0, latest: "", unsure: false };
      left.count += gone.count;
      left.errors += gone.errors || 0;
      left.unsure ||= gone.type === "skipped";
      if (gone.type === "rows") {
        rows -= gone.count;
        left.latest = later(left.latest, gone.latest);
      }
    }
  }

  function receive(message, after) {
    if (message.type === "error") {
      tell(fill(say.sayError, { message: message.message }));
      return;
    }
    document.dispatchEvent(new Event("hantu:arrived"));
    waiting.push(message.type === "rows" ? message : { ...message, after });
    thin();
    notice();
    if (!following || document.hidden) setAside();
  }

  /** What came waits for the reader; only its number is told. */
  function setAside() {
    showWaiting();
    setTimeout(stream.next, WAIT_MS);
  }

  function show() {
    if (busy || !waiting.length) return;
    busy = true;
    spent = 0;
    nextFrame();
  }

  function nextFrame() {
    frame = requestAnimationFrame(onFrame);
    late = setTimeout(onFrame, FRAME_MS_MOST);
  }

  /** Rows come in one frame and go in another: in the same one every row would seem to have moved. */
  function onFrame() {
    cancelAnimationFrame(frame);
    clearTimeout(late);
    began = performance.now();
    if (!following) {
      busy = false;
      setAside();
      return;
    }
    try {
      if (isLong(ROWS_MOST)) trim("older", ROWS_MOST);
      else put();
      toFoot();
    } finally {
      shown.port2.postMessage(null); // whatever a row may hold, the next ones are asked for
    }
  }

  // A message comes after the frame: what layout and painting took is known by then.
  const shown = new MessageChannel();
  shown.port1.onmessage = () => {
    spent += performance.now() - began;
    if (following && isLong(ROWS_MOST)) nextFrame();
    else setTimeout(rested, Math.min(REST_MS_MOST, (few ? REST_TIMES_FEW : REST_TIMES) * spent));
  };

  function rested() {
    busy = false;
    if (!waiting.length) stream.next();
    else if (following && !document.hidden) show();
    else setAside();
  }

  function put() {
    const none = document.querySelector(".entries-inner > .empty");
    if (none) none.remove();
    if (left) {
      // Between those in the list and those to come are more than the list takes: it begins anew.
      clear(later(left.latest, waiting.find((one) => one.latest).latest));
      left = null;
    }
    const made = document.createDocumentFragment();
    few = waiting.reduce((all, one) => all + one.count, 0) <= ROWS_FEW;
    for (const message of waiting) made.append(message.type === "rows" ? parsed(message.html) : band(message));
    waiting = [];
    append(made);
    showWaiting();
  }

  function parsed(html) {
    const lines = linesOf(html);
    leaveOut(lines);
    return lines;
  }

  function band(message) {
    const line = document.createElement("li");
    line.className = "skipped";
    line.dataset.count = message.count;
    line.textContent = `${fill(say.saySkipped, { lines: count(message.count) })} `;
    const link = document.createElement("a");
    const parts = say.skipped.includes("?") ? "&" : "?";
    link.href = link.dataset.load = `${say.skipped}${parts}after=${message.after}&upTo=${message.upTo}&left=${message.count}`;
    link.textContent = say.sayLoad;
    line.append(link);
    return line;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href='#newest']")) follow();
    // Rows that the reader asks for are there to be read.
    else if (event.target.closest(".entries [data-load], .entries [data-more]")) following = false;
  });
  entries.addEventListener("toggle", (event) => {
    if (!event.target.parentElement.matches(".entry")) return;
    if (event.target.open) {
      open.add(event.target);
      following = false;
    } else {
      open.delete(event.target);
      notice();
    }
  }, true);
  const scroller = document.querySelector(".entries-scroll");
  scroller.addEventListener("scroll", notice, { passive: true });
  document.addEventListener("scroll", notice, { passive: true });
  // What stands around the rows may change its height at any time.
  const sizes = new ResizeObserver(() => { if (following) toFoot(); });
  for (const box of [document.documentElement, document.body, scroller, entries]) sizes.observe(box);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) notice(); });

  toFoot();
  const columns = say.columns ? say.columns.split(",") : [];
  const stream = window.hantu.stream(
    { query: say.query, columns, cursor: Number(say.cursor) },
    { receive, open: showWaiting, lost: () => tell(say.sayLost) },
  );
})();
