// The live view's counts: histogram, number of lines, counts of the filters. Nothing else moves.
"use strict";

(() => {
  const foot = document.getElementById("tail");
  if (!foot) return;

  const EVERY_MS = 5000;
  // Without new lines only the time goes on, and retention.
  const IDLE_MS = 60_000;
  const LOST_MS = 30_000;
  // Counting takes at most this part of the server's time for one reader.
  const SHARE = 0.1;

  let news = false; // lines came since they were counted
  let counted = Date.now();

  const waits = () => document.querySelector("#histogram[hx-get]") !== null;
  const inHand = (node) => node.matches(":hover") || node.contains(document.activeElement);

  function showFacet(facet, fresh) {
    for (const row of fresh.querySelectorAll("[data-value]")) {
      const own = facet.querySelector(`[data-value="${CSS.escape(row.dataset.value)}"]`);
      if (!own) continue; // order and choice wait for a new search
      for (const part of [".number", ".facet-percent"]) {
        own.querySelector(part).textContent = row.querySelector(part).textContent;
      }
      const share = row.querySelector(".facet-share rect").getAttribute("width");
      own.querySelector(".facet-share rect").setAttribute("width", share);
    }
  }

  function show(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content;
    const chart = document.getElementById("histogram");
    const newer = fresh.querySelector("figure.histogram");
    if (chart && newer && !inHand(chart)) chart.replaceWith(newer);
    const count = fresh.querySelector("#count").textContent.trim();
    if (count) document.getElementById("count").textContent = count;
    for (const facet of document.querySelectorAll("#facets [data-field]")) {
      const same = fresh.querySelector(`#facets [data-field="${CSS.escape(facet.dataset.field)}"]`);
      if (same) showFacet(facet, same);
    }
  }

  async function refresh() {
    news = false;
    counted = Date.now();
    try {
      const answer = await fetch(foot.dataset.summary, {
        headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(LOST_MS),
      });
      if (answer.ok) show(await answer.text());
      else news = true;
    } catch {
      news = true; // the foot tells of a lost connection
    }
    return Date.now() - counted;
  }

  /** One timer leads to the next: never two requests at once. */
  async function tick() {
    const due = news || Date.now() - counted >= IDLE_MS;
    const took = due && !document.hidden && !waits() ? await refresh() : 0;
    setTimeout(tick, Math.max(EVERY_MS, took / SHARE));
  }

  document.addEventListener("hantu:arrived", () => { news = true; });
  setTimeout(tick, EVERY_MS);
})();
