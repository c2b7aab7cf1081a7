// Voices: one's own, and those that the engines bring along.

import { ask, call } from "./api.js";
import { catalogue, changes, fetchVoices, fillLanguages, isOwn } from "./catalogue.js";
import { $, busy, h, save, settled, sure, toast } from "./dom.js";
import { hear } from "./preview.js";
import { chooseVoice } from "./speak.js";
import { openEdit, startForms } from "./voice_forms.js";
import { language, primary } from "./words.js";

const FROM = { audio_sample: "Cloned", prompt: "Designed", preset: "A preset" };
const PATH = "v1/voicebox/profiles";

/** Set the section up. */
export function startVoices() {
  startForms();
  $("voice-filter").addEventListener("input", settled(filter));
  $("voice-language").addEventListener("change", filter);
  $("import").addEventListener("change", importVoice);
  changes.addEventListener("voices", show);
}

function show() {
  const own = catalogue.voices.filter(isOwn);
  $("own-voices").replaceChildren(...own.map(ownCard));
  $("own-empty").hidden = own.length > 0;
  fillLanguages($("voice-language"));
  showPresets(catalogue.voices.filter((voice) => !isOwn(voice)));
}

function showPresets(presets) {
  const groups = new Map();
  for (const voice of presets) {
    const tag = primary(voice.language ?? "");
    if (!groups.has(tag)) groups.set(tag, []);
    groups.get(tag).push(voice);
  }
  const named = [...groups].map(([tag, voices]) => [tag ? language(tag) : "Any language", voices]);
  const inOrder = named.sort(([one, some], [other, others]) => others.length - some.length || one.localeCompare(other));
  $("preset-voices").replaceChildren(...inOrder.map(([label, voices]) => group(label, voices)));
  filter();
}

function group(label, voices) {
  return h("div", { className: "group" }, h("h3", {}, label), h("ul", { className: "cards" }, voices.map(presetCard)));
}

function presetCard(voice) {
  const about = [voice.description, voice.gender].filter(Boolean).join(" · ");
  const said = [voice.id, voice.description, voice.engine, voice.gender, ...voice.languages].join(" ").toLowerCase();
  const tags = voice.languages.map(primary).join(" ");
  return h("li", { "data-said": said, "data-tags": tags },
    h("div", { className: "voice" },
      h("div", {}, h("h4", { className: "name", title: voice.id }, voice.name), h("p", { className: "hint", title: about }, about || voice.engine)),
      hearButton(voice), useButton(voice)));
}

function hearButton(voice) {
  return h("button", { type: "button", className: "small icon", "aria-label": `Hear ${voice.name}`, onclick: (event) => hear(voice.id, event.currentTarget, $("voices-problem")) }, "▶");
}

function useButton(voice) {
  const use = () => {
    chooseVoice(voice.id);
    location.hash = "#/speak";
  };
  return h("button", { type: "button", className: "small", "aria-label": `Speak with ${voice.name}`, onclick: use }, "Use");
}

function ownCard(voice) {
  const about = [FROM[voice.type], voice.language && language(voice.language), voice.description || voice.prompt].filter(Boolean).join(" · ");
  const button = (label, act, kind = "") => h("button", {
    type: "button", className: `small ${kind}`, "aria-label": `${label} ${voice.name}`,
    onclick: (event) => busy(event.currentTarget, $("voices-problem"), () => act(voice)),
  }, label);
  return h("li", { className: "own", "data-voice": voice.id },
    h("div", { className: "voice" }, h("div", {}, h("h4", { className: "name" }, voice.name), h("p", { className: "hint", title: about }, about)), hearButton(voice), useButton(voice)),
    h("div", { className: "row" }, button("Edit", openEdit), button("Export", exportVoice), button("Delete", deleteVoice, "danger")));
}

/** Hide what the filter does not name: cards are made once, not at each key. */
function filter() {
  const words = $("voice-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const tag = $("voice-language").value;
  let shown = 0;
  for (const one of $("preset-voices").children) {
    let here = 0;
    for (const card of one.querySelectorAll("li")) {
      const is = words.every((word) => card.dataset.said.includes(word)) && (!tag || card.dataset.tags.split(" ").includes(tag));
      if (card.hidden === is) card.hidden = !is;
      here += is;
    }
    one.hidden = !here;
    shown += here;
  }
  $("voice-count").textContent = shown === 1 ? "1 voice" : `${shown} voices`;
}

async function exportVoice(voice) {
  const answer = await call("GET", `${PATH}/${encodeURIComponent(voice.id)}/export`);
  save(await answer.blob(), `${voice.name}.voicebox.zip`);
}

async function deleteVoice(voice) {
  if (!(await sure(`Delete ${voice.name}?`, "The voice goes with all its recordings, for good. Export it first to keep a copy."))) return;
  await ask("DELETE", `${PATH}/${encodeURIComponent(voice.id)}`);
  toast(`${voice.name} was deleted`);
  await fetchVoices();
}

function importVoice() {
  const file = $("import").files[0];
  $("import").value = "";
  if (!file) return;
  busy($("import"), $("voices-problem"), async () => {
    const body = new FormData();
    body.append("file", file, file.name);
    const profile = await ask("POST", `${PATH}/import`, { body });
    toast(`${profile.name} is here`);
    await fetchVoices();
  });
}
