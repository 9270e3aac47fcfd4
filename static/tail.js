// The live view: new rows at the foot while the reader is there, else they wait.
"use strict";

(() => {
  const foot = document.getElementById("tail");
  const entries = document.querySelector(".entries");
  if (!foot || !entries) return;

  const ROWS_MOST = 2000;
  const AT_FOOT_PX = 24;
  const SAY_EVERY_MS = 5000;
  const RETRY_MS = [500, 1000, 2000, 4000, 8000];
  // A page that nobody has seen for so long lets its place among the live readers go.
  const REST_AFTER_MS = 60_000;
  const BEAT_MS = 10_000;
  const FRAME_MS_MOST = 500;
  const SLEPT_MS = 30_000;
  const say = foot.dataset;
  const columns = say.columns ? say.columns.split(",") : [];
  const pill = foot.querySelector(".entries-new");
  const state = document.getElementById("tail-state");
  const voice = document.getElementById("tail-voice");
  const { ends, scrolled, toFoot, toNewest, keyOf, isRow, isLong, trim } = window.hantu;

  let cursor = Number(say.cursor);
  let following = true; // new rows are shown at once; else they wait
  let waiting = []; // rows that came while the reader was elsewhere, oldest first
  let socket = null;
  let source = null;
  let failures = 0;
  let opened = false;
  let ended = false;
  let resting = false; // nobody looks: no connection until somebody does
  let rest = 0; // the timer that leads there
  let beat = Date.now();
  let pending = []; // rows to be shown in the next frame
  let frame = 0;
  let late = 0; // shows them when no frame comes, as in a window that is covered
  const open = new Set(); // the rows that are open, also some that are gone
  let said = 0;
  let saying = 0;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const count = (number) => number.toLocaleString("en-US");
  const atFoot = () => ends().below <= AT_FOOT_PX;
  const reading = () => [...open].some((details) => details.isConnected);
  const isError = (line) => line.classList.contains("entry-error") || line.classList.contains("entry-fatal");
  // Older rows that were read made the list let go of its newest: its end is not the foot.
  const cut = () => entries.querySelector(".entries-newer") !== null;

  /** See what the reader did. Only scrolling up and opening a row leave the foot: that the page
      grows around the rows, as when its counts arrive, does not. */
  function notice() {
    const by = scrolled();
    if (!atFoot() || cut()) {
      if (by < 0 || cut()) following = false;
    } else if (by > 0 || !reading()) {
      following = true;
    }
    if (following && waiting.length) flush();
  }

  function follow() {
    if (cut()) {
      toNewest();
      return;
    }
    following = true;
    flush();
    toFoot();
  }

  /** Tell the state: the eye at once, a screen reader at most every 5 s. */
  function tell(text) {
    state.textContent = text;
    clearTimeout(saying);
    const speak = () => {
      said = Date.now();
      if (voice.textContent !== text) voice.textContent = text;
    };
    saying = setTimeout(speak, Math.max(0, said + SAY_EVERY_MS - Date.now()));
  }

  function showWaiting() {
    const rows = waiting.filter(isRow);
    const errors = rows.filter(isError).length;
    const values = { lines: count(rows.length), errors: count(errors) };
    pill.hidden = waiting.length === 0;
    pill.lastElementChild.textContent = fill(errors ? say.sayNewErrors : say.sayNew, values);
    tell(waiting.length ? fill(errors ? say.sayPausedErrors : say.sayPaused, values) : say.sayLive);
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return [...template.content.children].filter((line) => !line.id || !document.getElementById(line.id));
  }

  function band(lines, after, upTo) {
    const line = document.createElement("li");
    line.className = "skipped";
    line.dataset.count = lines;
    line.textContent = `${fill(say.saySkipped, { lines: count(lines) })} `;
    const link = document.createElement("a");
    const parts = say.skipped.includes("?") ? "&" : "?";
    link.href = link.dataset.load = `${say.skipped}${parts}after=${after}&upTo=${upTo}`;
    link.textContent = say.sayLoad;
    line.append(link);
    return line;
  }

  function take(lines) {
    if (!lines.length) return;
    notice();
    if (following && !document.hidden) show(lines);
    else wait(lines);
  }

  function wait(lines) {
    waiting.push(...lines);
    if (waiting.length > ROWS_MOST) waiting = thinned(waiting);
    showWaiting();
  }

  function show(lines) {
    pending.push(...lines);
    if (pending.length > ROWS_MOST) pending = thinned(pending);
    nextFrame();
  }

  function nextFrame() {
    if (frame) return;
    frame = requestAnimationFrame(onFrame);
    late = setTimeout(onFrame, FRAME_MS_MOST);
  }

  /** Rows come in one frame and go in another: in the same one every row would seem to have moved. */
  function onFrame() {
    cancelAnimationFrame(frame);
    clearTimeout(late);
    frame = 0;
    if (!following) {
      const lines = pending;
      pending = [];
      if (lines.length) wait(lines);
      return;
    }
    if (isLong()) {
      trim("older");
      toFoot();
    } else {
      append(pending);
      pending = [];
    }
    if (pending.length || isLong()) nextFrame();
  }

  /** Too many wait: the older half becomes a band that can be loaded. */
  function thinned(lines) {
    const gone = lines.splice(0, lines.length - ROWS_MOST / 2);
    const rows = gone.filter(isRow);
    const bands = gone.filter((line) => line.classList.contains("skipped"));
    const lost = rows.length + bands.reduce((sum, line) => sum + Number(line.dataset.count), 0);
    const first = rows.length ? keyOf(rows[0]) - 1 : 0;
    const from = bands.length ? Math.min(first, ...bands.map((line) => Number(new URL(line.firstElementChild.href).searchParams.get("after")))) : first;
    return [band(lost, from, keyOf(rows[rows.length - 1])), ...lines];
  }

  function append(lines) {
    let day = window.hantu.lastDay();
    for (const line of lines) {
      if (line.dataset.day && line.dataset.day === day) continue;
      if (line.dataset.day) day = line.dataset.day;
      window.hantu.append(line);
    }
    toFoot();
  }

  function flush() {
    const lines = waiting;
    waiting = [];
    // What waited may have been loaded meanwhile by another way.
    if (lines.length) show(lines.filter((line) => !line.id || !document.getElementById(line.id)));
    showWaiting();
  }

  function receive(message) {
    if (message.type !== "error") document.dispatchEvent(new Event("hantu:arrived"));
    if (message.type === "rows") {
      cursor = message.cursor;
      const none = document.querySelector(".entries-inner > .empty");
      if (none) none.remove();
      take(parsed(message.html));
    } else if (message.type === "skipped") {
      take([band(message.count, message.after, message.upTo)]);
    } else if (message.type === "error") {
      ended = true;
      tell(fill(say.sayError, { message: message.message }));
    }
  }

  function connect() {
    // A proxy that knows no WebSocket: two failures without ever opening.
    if (!opened && failures >= 2) { listen(); return; }
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/ws/logs`);
    socket.onopen = () => {
      opened = true;
      failures = 0;
      socket.send(JSON.stringify({
        type: "subscribe-logs", query: say.query, format: "html", columns, after: cursor, timestamp: Date.now(),
      }));
      showWaiting();
    };
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    const own = socket;
    // 1008: the session has ended; the page leads to the sign-in.
    socket.onclose = (event) => { if (own === socket) { socket = null; if (event?.code === 1008) location.reload(); else again(); } };
  }

  function listen() {
    const wanted = new URLSearchParams({ q: say.query, format: "html", columns, after: cursor });
    source = new EventSource(`/api/logs/stream?${wanted}`);
    source.onopen = showWaiting;
    for (const kind of ["rows", "skipped"]) {
      source.addEventListener(kind, (event) => receive(JSON.parse(event.data)));
    }
    source.addEventListener("error", (event) => {
      if (event.data) receive(JSON.parse(event.data));
      else tell(say.sayLost);
      if (source && (source.readyState === EventSource.CLOSED || ended)) { source.close(); source = null; again(); }
    });
  }

  function disconnect() {
    const [was, events] = [socket, source];
    socket = source = null;
    if (was) {
      was.onmessage = null;
      was.close();
    }
    if (events) events.close();
  }

  /** A fresh connection that goes on where the last one ended. */
  function renew() {
    disconnect();
    failures = 0;
    connect();
  }

  function onLook() {
    clearTimeout(rest);
    if (ended) return;
    if (document.hidden) {
      rest = setTimeout(() => { resting = true; disconnect(); }, REST_AFTER_MS);
    } else if (resting) {
      resting = false;
      renew();
    } else {
      notice();
    }
  }

  /** After a sleep of the machine a connection may look open that is long gone. */
  function onBeat() {
    const slept = Date.now() - beat > SLEPT_MS;
    beat = Date.now();
    if (slept && !ended && !resting && !document.hidden) renew();
  }

  function retry() {
    if (!socket && !source && !resting && !ended) connect();
  }

  function again() {
    if (ended || resting) return;
    tell(say.sayLost);
    setTimeout(retry, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
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
  document.addEventListener("visibilitychange", onLook);
  setInterval(onBeat, BEAT_MS);
  addEventListener("pagehide", () => { ended = true; disconnect(); });
  // Back from the browser's cache the connection is gone: begin again where it ended.
  addEventListener("pageshow", (event) => { if (event.persisted) { ended = false; connect(); } });

  toFoot();
  connect();
})();
