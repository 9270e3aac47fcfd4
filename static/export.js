// An export tells how far it is, and can be cancelled. Without this script the browser just saves the file.
"use strict";

(() => {
  const menu = document.querySelector(".menu-export");
  if (!menu || !window.ReadableStream) return;

  // A browser that cannot write to a file as it comes holds all of it in memory.
  const MEMORY_BYTES = 256 * 1024 * 1024;
  const SAY_MS = 200;
  const said = menu.querySelector(".export-said");
  const bar = menu.querySelector(".export-progress");
  const cancel = menu.querySelector(".export-cancel");
  const say = menu.dataset;
  const NEWLINE = 10;
  const RETURN = 13;
  const BLANK = 32;

  let running = null; // AbortController

  const count = (number) => number.toLocaleString("en-US");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => count(values[name]));

  /** Counts lines of log: a cell of CSV may hold a newline, in text a further line of a message is indented. */
  function counter(format) {
    let lines = format === "csv" ? -1 : 0;
    let last = 0;
    return (bytes) => {
      for (const byte of bytes) {
        if (byte === NEWLINE && (format !== "csv" || last === RETURN)) lines += 1;
        if (last === NEWLINE && byte === BLANK && format === "text") lines -= 1;
        last = byte;
      }
      return Math.max(lines, 0);
    };
  }

  function show(done, all) {
    said.hidden = bar.hidden = cancel.hidden = false;
    said.textContent = fill(all ? say.sayPart : say.sayLines, { done, all });
    if (all) { bar.max = Math.max(all, done); bar.value = done; } else { bar.removeAttribute("value"); }
  }

  function end(text) {
    said.hidden = false;
    said.textContent = text;
    bar.hidden = cancel.hidden = true;
    running = null;
  }

  /** Where the bytes go: a file that the reader names, else memory. */
  async function sink(name) {
    if (window.showSaveFilePicker) {
      const file = await window.showSaveFilePicker({ suggestedName: name });
      const out = await file.createWritable();
      return { write: (part) => out.write(part), done: () => out.close(), drop: () => out.abort(), most: Infinity };
    }
    const parts = [];
    return {
      write: (part) => { parts.push(part); },
      done: () => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(parts));
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      },
      drop: () => {},
      most: MEMORY_BYTES,
    };
  }

  async function save(link) {
    const own = running = new AbortController();
    const counted = counter(link.dataset.export);
    let done = 0;
    let out = null;
    try {
      out = await sink(link.dataset.file);
      show(0, 0);
      const answer = await fetch(link.href, { signal: own.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const all = Number(answer.headers.get("X-Hantu-Lines") || 0);
      const reader = answer.body.getReader();
      let size = 0;
      let told = 0;
      for (;;) {
        const part = await reader.read();
        if (part.done) break;
        size += part.value.length;
        if (size > out.most) {
          own.abort();
          end("");
          location.assign(link.href); // too large to hold: the browser saves it itself
          return;
        }
        await out.write(part.value);
        done = counted(part.value);
        if (Date.now() - told > SAY_MS) { told = Date.now(); show(done, all); }
      }
      await out.done();
      end(fill(say.sayDone, { done }));
    } catch (error) {
      if (out) out.drop();
      const stopped = own.signal.aborted || error.name === "AbortError";
      end(stopped ? say.sayCancelled : fill(say.sayFailed, { done }));
    }
  }

  menu.addEventListener("click", (event) => {
    if (event.target === cancel) { if (running) running.abort(); return; }
    const link = event.target.closest("[data-export]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!running) save(link);
  });
})();
