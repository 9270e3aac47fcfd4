// The connection of a live view: WebSocket, else server-sent events. It goes on where it ended, and rests while nobody looks.
"use strict";

(() => {
  const RETRY_MS = [500, 1000, 2000, 4000, 8000];
  // A page that nobody has seen for so long lets its place among the live readers go.
  const REST_AFTER_MS = 60_000;
  const BEAT_MS = 10_000;
  const SLEPT_MS = 30_000;

  /** Follow. asked: {query, columns, cursor}; on.receive(message, after): a message, and the cursor before it;
      on.open(), on.lost(). Gives {next}: ready for more. A WebSocket sends rows only then: those that arrived
      meanwhile as one message, and how many it had to leave out. */
  function stream(asked, on) {
    let cursor = asked.cursor;
    let socket = null;
    let source = null;
    let failures = 0;
    let opened = false;
    let ended = false;
    let owes = false; // rows came, and more were not asked for
    let resting = false; // nobody looks: no connection until somebody does
    let rest = 0; // the timer that leads there
    let beat = Date.now();

    function receive(message) {
      const after = cursor;
      if (message.type === "rows") {
        cursor = message.cursor;
        owes = true;
      }
      if (message.type === "error") ended = true;
      on.receive(message, after);
    }

    function connect() {
      // A proxy that knows no WebSocket: two failures without ever opening.
      if (!opened && failures >= 2) { listen(); return; }
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      const own = new WebSocket(`${scheme}://${location.host}/ws/logs`);
      socket = own;
      own.onopen = () => {
        opened = true;
        failures = 0;
        owes = false;
        own.send(JSON.stringify({
          type: "subscribe-logs", query: asked.query, format: "html", columns: asked.columns, after: cursor, paced: true,
          timestamp: Date.now(),
        }));
        on.open();
      };
      own.onmessage = (event) => receive(JSON.parse(event.data));
      own.onclose = (event) => {
        if (own !== socket) return;
        socket = null;
        // 1008: the session has ended; the page leads to the sign-in.
        if (event?.code === 1008) location.reload();
        else again();
      };
    }

    function listen() {
      const wanted = new URLSearchParams({ q: asked.query, format: "html", columns: asked.columns, after: cursor });
      source = new EventSource(`/api/logs/stream?${wanted}`);
      source.onopen = on.open;
      for (const kind of ["rows", "skipped"]) {
        source.addEventListener(kind, (event) => receive(JSON.parse(event.data)));
      }
      source.addEventListener("error", (event) => {
        if (event.data) receive(JSON.parse(event.data));
        else on.lost();
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
      on.lost();
      setTimeout(retry, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    }

    document.addEventListener("visibilitychange", onLook);
    setInterval(onBeat, BEAT_MS);
    addEventListener("pagehide", () => { ended = true; disconnect(); });
    // Back from the browser's cache the connection is gone: begin again where it ended.
    addEventListener("pageshow", (event) => { if (event.persisted) { ended = false; connect(); } });
    connect();

    return {
      next() {
        if (!owes || !socket || socket.readyState !== socket.OPEN) return;
        owes = false;
        socket.send('{"type":"next"}');
      },
    };
  }

  window.hantu.stream = stream;
})();
