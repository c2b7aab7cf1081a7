// Speak: a text, a voice, and what comes of them.

import { call, hasKey, next } from "./api.js";
import { catalogue, changes, fillLanguages, fillOptions, isOwn, modelOptions } from "./catalogue.js";
import { $, copy, h, problem, save } from "./dom.js";
import { chosenSettings, showSettings } from "./engine_settings.js";
import { Player, audioContext } from "./player.js";
import { hear } from "./preview.js";
import { snippet } from "./snippets.js";
import { clock, count, language, primary, took } from "./words.js";

const TYPES = { wav: "audio/wav", mp3: "audio/mpeg", opus: "audio/ogg", aac: "audio/aac", flac: "audio/flac", pcm: "audio/pcm" };
const DRAFT = "voicebox draft";
const SAMPLE = "Good morning. This is a voice of your own server: no key to buy, and nothing leaves this machine.";
const PCM_BYTES = 48_000;
const OPENAI_VOICES = new Set("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split(" "));

let player;
let running = null;
let last = null;
let codeLanguage = "curl";

/** Set the section up. */
export function startSpeak() {
  player = new Player();
  $("text").value = draft() ?? SAMPLE;
  $("text").addEventListener("input", showCount);
  $("text").addEventListener("change", keepDraft);
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("speak-form").requestSubmit();
  });
  $("speak-form").addEventListener("submit", (event) => {
    event.preventDefault();
    speak();
  });
  $("speak-stop").addEventListener("click", stop);
  $("speak-save").addEventListener("click", saveAudio);
  $("speed").addEventListener("input", () => { $("speed-shown").textContent = `${Number($("speed").value)}×`; });
  $("voice").addEventListener("change", voiceChanged);
  $("voice-play").addEventListener("click", (event) => hear($("voice").value, event.currentTarget, $("speak-problem")));
  $("speak-model").addEventListener("change", showOwnSettings);
  $("speak-form").addEventListener("change", showCode);
  $("code").addEventListener("toggle", showCode);
  for (const button of document.querySelectorAll("[data-code]")) button.addEventListener("click", () => chooseCode(button.dataset.code));
  $("copy").addEventListener("click", () => copy($("code-text").textContent));
  changes.addEventListener("voices", voicesChanged);
  changes.addEventListener("models", modelsChanged);
  showCount();
}

/** Choose a voice, for the button of another section. */
export function chooseVoice(id) {
  $("voice").value = id;
  voiceChanged();
  showCode();
}

function draft() {
  try {
    return sessionStorage.getItem(DRAFT);
  } catch {
    return null; // storage is refused
  }
}

function keepDraft() {
  try {
    sessionStorage.setItem(DRAFT, $("text").value);
  } catch {
    // storage is refused, or too small for the text
  }
}

function showCount() {
  const { length } = $("text").value;
  $("text-count").textContent = length ? `${count(length)} characters` : "";
}

function voicesChanged() {
  const groups = new Map();
  const put = (label, voice, text) => {
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label).push(h("option", { value: voice.id }, text));
  };
  const own = catalogue.voices.filter(isOwn);
  const presets = catalogue.voices.filter((voice) => !isOwn(voice));
  for (const voice of own) put("Yours", voice, voice.name);
  for (const voice of presets.filter((one) => OPENAI_VOICES.has(one.id))) put("OpenAI’s names", voice, voice.name);
  const rest = presets.filter((one) => !OPENAI_VOICES.has(one.id)).map((voice) => [language(primary(voice.language ?? "")) || "Any language", voice]);
  for (const [label, voice] of rest.sort((one, other) => one[0].localeCompare(other[0]))) put(label, voice, voice.name);
  fillOptions($("voice"), [...groups].map(([label, options]) => h("optgroup", { label }, options)));
  fillLanguages($("language"));
  voiceChanged();
}

function voiceChanged() {
  const voice = catalogue.voices.find((one) => one.id === $("voice").value);
  const facts = voice ? [voice.description, voice.gender, voice.language && language(voice.language)] : [];
  $("voice-about").textContent = facts.filter(Boolean).join(" · ");
  showOwnSettings();
}

function modelsChanged() {
  fillOptions($("speak-model"), modelOptions("text-to-speech"));
  showOwnSettings();
}

/** Show the settings of the engine that would speak: the model's own, or that of the voice. */
function showOwnSettings() {
  const chosen = $("speak-model").value;
  const voice = catalogue.voices.find((one) => one.id === $("voice").value);
  const named = catalogue.models.find((model) => model.id === chosen && model.owned_by !== "system");
  const model = named ?? catalogue.models.find((one) => one.id === voice?.engine);
  const settings = model?.settings ?? [];
  $("settings").hidden = !settings.length;
  if ($("settings").dataset.of === model?.id) return;
  $("settings").dataset.of = model?.id ?? "";
  showSettings($("settings-fields"), settings);
}

/** Return the body of the request that the page's fields ask for. */
function request() {
  const body = { model: $("speak-model").value || "tts-1", voice: $("voice").value || "alloy", input: $("text").value, response_format: $("format").value };
  const speed = Number($("speed").value);
  const settings = chosenSettings($("settings-fields"));
  if (speed !== 1) body.speed = speed;
  if ($("language").value) body.language = $("language").value;
  if ($("instructions").value.trim()) body.instructions = $("instructions").value.trim();
  if (!$("settings").hidden && Object.keys(settings).length) body.settings = settings;
  return body;
}

async function speak() {
  audioContext(); // in the click itself
  stop();
  const control = new AbortController();
  running = control;
  const body = request();
  keepDraft();
  last = body;
  showCode();
  problem($("speak-problem"), null);
  show({ first: "…", total: "…", audio: "…", engine: "…" }, "");
  setRunning(true);
  player.begin(body.response_format, TYPES[body.response_format]);
  try {
    await receive(body, control, performance.now());
  } catch (error) {
    if (error.name !== "AbortError") problem($("speak-problem"), error);
    show({ total: error.name === "AbortError" ? "stopped" : "failed" });
  } finally {
    finish(control);
  }
}

async function receive(body, control, began) {
  const answer = await call("POST", "v1/audio/speech", { json: body, signal: control.signal });
  show({ engine: answer.headers.get("x-voicebox-engine") || "–" }, notes(answer.headers));
  const reader = answer.body.getReader();
  let first = 0;
  for (;;) {
    const { done, value } = await next(reader);
    if (control !== running) throw new DOMException("stopped", "AbortError");
    if (done) break;
    first = first || performance.now() - began;
    show({ first: took(first) });
    player.push(value);
  }
  show({ total: took(performance.now() - began) });
}

function finish(control) {
  if (control !== running) return;
  running = null;
  setRunning(false);
  const { length } = player.bytes;
  player.end().then(showLength);
  if (!length) {
    player.close();
    show({ first: "–", audio: "–" });
  }
  $("speak-save").disabled = !length;
  showLength();
}

function showLength() {
  const { bytes, format } = player;
  if (!bytes.length) return;
  const seconds = format === "pcm" || format === "wav" ? bytes.length / PCM_BYTES : player.player?.duration;
  show({ audio: seconds ? clock(seconds) : "–" });
}

function notes(headers) {
  const said = [];
  const mapped = headers.get("x-voicebox-mapped");
  const ignored = headers.get("x-voicebox-ignored");
  if (mapped) said.push(`Taken as: ${mapped.replaceAll("->", " → ")}.`);
  if (ignored) said.push(`Without effect here: ${ignored}.`);
  if (headers.get("x-voicebox-warning")) said.push(headers.get("x-voicebox-warning"));
  return said.join(" ");
}

function show(figures, note) {
  const places = { first: "first-byte", total: "total-time", audio: "audio-length", engine: "engine-used" };
  for (const [name, text] of Object.entries(figures)) if ($(places[name]).textContent !== text) $(places[name]).textContent = text;
  if (note !== undefined) $("speak-notes").textContent = note;
}

function setRunning(is) {
  $("speak-stop").disabled = !is;
  if (is) $("speak-save").disabled = true;
}

function stop() {
  if (!running) return;
  running.abort();
  player.pause();
}

async function saveAudio() {
  save(await player.file(), `speech.${player.format}`);
}

function chooseCode(name) {
  codeLanguage = name;
  for (const button of document.querySelectorAll("[data-code]")) button.setAttribute("aria-pressed", String(button.dataset.code === name));
  showCode();
}

function showCode() {
  if ($("code").open) $("code-text").textContent = snippet(codeLanguage, running ? last : request(), hasKey());
}
