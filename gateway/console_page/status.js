// Status: the engines, what they do at this moment, and what has been asked so far.

import { ask, call, events, requests } from "./api.js";
import { $, h, problem } from "./dom.js";
import { clock, count, took } from "./words.js";

const EVERY = 3000;
let timer = 0;

/** Set the section up. */
export function startStatus() {
  events.addEventListener("request", () => !$("status").hidden && showRequests());
}

/** Look again and again while the section is seen. */
export function watchStatus(seen) {
  clearTimeout(timer);
  if (!seen) return;
  showRequests();
  look();
}

async function look() {
  clearTimeout(timer);
  if ($("status").hidden) return;
  if (!document.hidden) {
    try {
      const health = await ask("GET", "health", { quiet: true });
      showEngines(health);
      await showTotals(health);
      problem($("status-problem"), null);
    } catch (error) {
      problem($("status-problem"), error);
    }
  }
  timer = setTimeout(look, EVERY);
}

function showEngines(health) {
  const rows = Object.entries(health.engines).map(([name, engine]) => {
    const [kind, word] = stateOf(engine);
    const reason = engine.workers.map((worker) => worker.reason).find(Boolean);
    const pace = engine.capacity ? `${engine.capacity.toFixed(1)}× speech` : "–";
    const waiting = engine.wait > 0.1 ? `${engine.queued}, ${engine.wait.toFixed(1)} s` : engine.queued;
    const cells = [engine.workers.length, engine.running, waiting, pace];
    return h("tr", {}, h("td", {}, name), h("td", {}, h("span", { className: `state ${kind}` }, word), reason && h("p", { className: "hint" }, reason)), cells.map((cell) => h("td", {}, String(cell))));
  });
  $("engines").tBodies[0].replaceChildren(...rows);
}

function stateOf(engine) {
  const states = engine.workers.map((worker) => worker.state);
  if (engine.ready) return ["good", engine.running ? "Working" : "Ready"];
  if (states.includes("starting")) return ["work", "Starting"];
  if (states.includes("failed")) return ["bad", "Failed"];
  if (states.includes("resting")) return ["", "Rests until wanted"];
  return ["bad", "Stopped"];
}

async function showTotals(health) {
  const text = await (await call("GET", "metrics", { quiet: true })).text();
  const found = totals(text);
  const engines = Object.values(health.engines);
  const sum = (name) => engines.reduce((all, engine) => all + engine[name], 0);
  const shown = [
    ["Server", health.status === "ok" ? "Ready" : "Starting"],
    ["Version", health.version],
    ["Running now", String(sum("running"))],
    ["Waiting", String(sum("queued"))],
    ["Requests", count(found.requests)],
    ["Failed", count(found.failed)],
    ["Audio spoken", clock(found.spoken)],
    ["Audio heard", clock(found.heard)],
  ];
  $("totals").replaceChildren(...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** Return the sums of the metrics that the page shows, of Prometheus' text. */
export function totals(text) {
  const found = { requests: 0, failed: 0, spoken: 0, heard: 0 };
  for (const line of text.split("\n")) {
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (line.startsWith("voicebox_requests_total")) {
      found.requests += value;
      if (/outcome="(failed|broken)"/.test(line)) found.failed += value;
    }
    if (line.startsWith("voicebox_audio_seconds_total")) found[/transcri|translat/.test(line) ? "heard" : "spoken"] += value;
  }
  return found;
}

function showRequests() {
  const rows = requests.map((entry) => h("tr", {},
    h("td", {}, entry.at.toLocaleTimeString()), h("td", {}, entry.what), h("td", {}, String(entry.status)), h("td", {}, took(entry.ms)), h("td", {}, h("code", {}, entry.id))));
  $("requests").hidden = !rows.length;
  $("requests-empty").hidden = rows.length > 0;
  $("requests").tBodies[0].replaceChildren(...rows);
}
