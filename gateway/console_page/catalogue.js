// What the server has: its voices and models, fetched once and again when something has changed.

import { all, ask } from "./api.js";
import { h } from "./dom.js";
import { language, primary } from "./words.js";

/** `voices`, `models` (that requests can name) and `files` (all that there are, with their state). */
export const catalogue = { voices: [], models: [], files: [] };
/** Tells of `voices` and `models`, when they were fetched. */
export const changes = new EventTarget();

let asked = 0;

/** Fetch the voices. */
export async function fetchVoices() {
  catalogue.voices = withoutTwins(await all("v1/audio/voices"));
  changes.dispatchEvent(new Event("voices"));
}

/** Leave out the voices that an engine has under OpenAI's name already. */
function withoutTwins(voices) {
  const named = new Set(voices.map((voice) => `${voice.engine}/${voice.id}`));
  return voices.filter((voice) => !voice.engine || !voice.id.startsWith(`${voice.engine}/`) || !named.has(voice.id));
}

/** Fetch the models: those that requests can name, and those that there are. */
export async function fetchModels() {
  const mine = (asked += 1);
  const [named, files] = await Promise.all([ask("GET", "v1/models"), ask("GET", "v1/voicebox/models", { quiet: true })]);
  if (mine !== asked) return; // a later answer is on its way, or has come
  catalogue.models = named.data;
  catalogue.files = files.data;
  changes.dispatchEvent(new Event("models"));
}

/** Return whether a voice is one that somebody made here. */
export const isOwn = (voice) => Boolean(voice.type);

/** Return the tags of all languages of the voices, the first parts only, by their English names. */
export function languages() {
  const found = new Set(catalogue.voices.flatMap((voice) => voice.languages.map(primary)));
  return [...found].filter(Boolean).sort((one, other) => language(one).localeCompare(language(other)));
}

/** Fill a list of languages behind its first entry, keeping what is chosen. */
export function fillLanguages(select, tags = languages()) {
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...tags.map((tag) => h("option", { value: tag }, language(tag))));
  select.value = tags.includes(chosen) ? chosen : "";
}

/** Fill a list with options, keeping what is chosen where it is still there. */
export function fillOptions(select, children) {
  const chosen = select.value;
  select.replaceChildren(...children);
  if (chosen) select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

/** Return the models of a task, OpenAI's names first, in groups for a list. */
export function modelOptions(task) {
  const found = catalogue.models.filter((model) => model.task === task);
  const group = (label, of) => of.length > 0 && h("optgroup", { label }, of.map((model) => h("option", { value: model.id }, model.id)));
  const isOpenai = (model) => model.owned_by === "system";
  return [group("The best that is here", found.filter(isOpenai)), group("One of them", found.filter((model) => !isOpenai(model)))].filter(Boolean);
}
