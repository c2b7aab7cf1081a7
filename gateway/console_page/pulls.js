// Pulls of models, followed by the server's events; where those break off they are asked for again.

import { call, eventsOf } from "./api.js";

const AGAIN = 2000;
const FINAL = ["done", "failed"];
const running = new Set();

/** Return whether a model's pull is followed. */
export const followed = (id) => running.has(id);

/** Follow a pull: `tell` gets how far it is, `ended` the last that was told. */
export async function follow(id, tell, ended) {
  if (running.has(id)) return;
  running.add(id);
  let last = null;
  let tries = 0;
  for (;;) {
    try {
      const answer = await call("GET", `v1/voicebox/models/${encodeURIComponent(id)}/progress`, { quiet: true });
      for await (const status of eventsOf(answer)) {
        tries = 0;
        last = status;
        tell(status);
      }
      break;
    } catch (error) {
      tries += 1;
      if (error.status >= 400 && error.status < 500) break;
      tell({ ...last, note: "The server is not to be reached; trying again …" });
      await new Promise((done) => setTimeout(done, AGAIN * Math.min(tries, 5)));
    }
  }
  running.delete(id);
  ended(id, last && FINAL.includes(last.state) ? last : null);
}
