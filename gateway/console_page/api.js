// Requests to this server: its key, its errors in words, and its streams of events.

import { base } from "./place.js";

const KEY = `voicebox key ${base.pathname}`;
const MOST_REQUESTS = 40;
/** Requests of this page, newest first. */
export const requests = [];
/** Tells of `key` (one is asked for), `offline`, `online` and `request`. */
export const events = new EventTarget();
let key = stored();

/** An answer that is an error, or none at all; `status` is 0 then. */
export class ApiError extends Error {
  constructor(message, status = 0, param = null, code = null) {
    super(message);
    Object.assign(this, { status, param, code });
  }
}

function stored() {
  try {
    return sessionStorage.getItem(KEY) || "";
  } catch {
    return ""; // storage is refused: the key lives as long as the page
  }
}

/** Return whether there is a key. */
export const hasKey = () => Boolean(key);

/** Keep a key for this tab; an empty one forgets it. */
export function setKey(value) {
  key = value.trim();
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // as above
  }
}

/** Return the URL of a path of the API. */
export const address = (path) => new URL(path, base).href;

/** Send a request, and return its answer once it begins. Throws ApiError; AbortError where it was stopped. */
export async function call(method, path, { json, body, signal, quiet = false } = {}) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (json !== undefined) headers["content-type"] = "application/json";
  const entry = { at: new Date(), what: `${method} /${path}`, began: performance.now(), status: "…", ms: 0, id: "" };
  let answer;
  try {
    answer = await fetch(address(path), { method, headers, signal, body: json === undefined ? body : JSON.stringify(json) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    note(entry, "no answer", "", quiet);
    events.dispatchEvent(new Event("offline"));
    throw new ApiError("The server cannot be reached. It may be starting again, or the network is gone.");
  }
  events.dispatchEvent(new Event("online"));
  note(entry, answer.status, answer.headers.get("x-request-id") || "", quiet);
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

function note(entry, status, id, quiet) {
  if (quiet) return;
  Object.assign(entry, { status, id, ms: performance.now() - entry.began });
  requests.unshift(entry);
  requests.length = Math.min(requests.length, MOST_REQUESTS);
  events.dispatchEvent(new Event("request"));
}

async function refusal(answer) {
  let error = {};
  try {
    error = (await answer.json()).error || {};
  } catch {
    // no envelope: a proxy between answered
  }
  const wait = answer.headers.get("retry-after");
  const text = error.message || `The server answered ${answer.status} ${answer.statusText}, and did not say why.`;
  const found = new ApiError(wait && answer.status !== 401 ? `${text} Try again in ${wait} s.` : text, answer.status, error.param, error.code);
  if (answer.status === 401) events.dispatchEvent(new CustomEvent("key", { detail: key ? found.message : "" }));
  return found;
}

/** Return the JSON that a request is answered with. */
export async function ask(method, path, options) {
  return (await call(method, path, options)).json();
}

/** Yield the events of an answer, until `[DONE]`. Throws ApiError for an error in them, or where they break off. */
export async function* eventsOf(answer) {
  let buffer = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await next(reader);
    if (done) throw new ApiError("The answer broke off before its end.");
    buffer += value;
    const records = buffer.split(/\r?\n\r?\n/);
    buffer = records.pop();
    for (const record of records) {
      const data = record.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data === "[DONE]") return;
      if (!data) continue;
      const event = JSON.parse(data);
      if (event.error && typeof event.error === "object") throw new ApiError(event.error.message, 500, event.error.param, event.error.code);
      yield event;
    }
  }
}

/** Read on; a connection that breaks is told in words. */
export async function next(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection broke before the answer had ended: the server or its engine stopped, or the network is gone.");
  }
}

/** Return all items of a list that comes in pages. */
export async function all(path) {
  const found = [];
  let after = "";
  for (;;) {
    const page = await ask("GET", `${path}?limit=100${after && `&after=${encodeURIComponent(after)}`}`);
    found.push(...page.data);
    if (!page.has_more || !page.last_id) return found;
    after = page.last_id;
  }
}
