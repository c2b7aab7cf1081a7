// Listen: a recording, and its words as they are found.

import { ApiError, ask, call, eventsOf } from "./api.js";
import { catalogue, changes, fillLanguages, fillOptions, modelOptions } from "./catalogue.js";
import { $, copy, problem, save } from "./dom.js";
import { record } from "./recorder.js";
import { cues } from "./subtitles.js";
import { clock, size, took } from "./words.js";

const COMMON = ["ar", "cmn", "cs", "da", "de", "en", "es", "fi", "fr", "hi", "it", "ja", "ko", "nl", "no", "pl", "pt", "ru", "sv", "tr", "uk", "vi"];

let file = null;
let text = "";
let verbose = null;
let running = null;
let stopRecording = null;

/** Set the section up. */
export function startListen() {
  $("recording").addEventListener("change", () => choose($("recording").files[0]));
  $("listen-record").addEventListener("click", toggleRecording);
  $("listen-form").addEventListener("submit", (event) => {
    event.preventDefault();
    transcribe();
  });
  $("listen-stop").addEventListener("click", () => running?.abort());
  $("transcript-copy").addEventListener("click", () => copy(text));
  for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => saveAs(button.dataset.save));
  changes.addEventListener("models", () => {
    fillOptions($("listen-model"), modelOptions("automatic-speech-recognition"));
    fillLanguages($("listen-language"), heardLanguages());
  });
  droppable($("drop"));
}

/** Return the languages that the listening models say they know, or common ones. */
function heardLanguages() {
  const named = new Set(catalogue.models.map((model) => model.id));
  const found = catalogue.files.filter((one) => one.kinds.includes("transcription") && named.has(one.id)).flatMap((one) => one.languages);
  return [...new Set([...COMMON, ...found])].sort();
}

function droppable(place) {
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    choose(event.dataTransfer.files[0]);
  });
}

function choose(found) {
  if (!found) return;
  running?.abort();
  file = found;
  verbose = null;
  const audio = $("recording-audio");
  if (audio.src) URL.revokeObjectURL(audio.src);
  audio.src = URL.createObjectURL(file);
  audio.hidden = false;
  $("recording-name").textContent = file.name;
  $("recording-about").textContent = size(file.size);
  audio.onloadedmetadata = () => {
    if (Number.isFinite(audio.duration)) $("recording-about").textContent = `${size(file.size)}, ${clock(audio.duration)}`;
  };
  audio.onerror = () => { $("recording-about").textContent = `${size(file.size)}. The browser does not play this format; the server may well hear it.`; };
  $("listen-button").disabled = false;
}

async function toggleRecording() {
  const button = $("listen-record");
  problem($("listen-problem"), null);
  try {
    if (stopRecording) {
      const stop = stopRecording;
      stopRecording = null;
      choose(await stop());
    } else {
      stopRecording = await record((seconds) => { $("recording-name").textContent = `Recording ${clock(seconds)}`; });
    }
  } catch (error) {
    problem($("listen-problem"), error);
  }
  button.textContent = stopRecording ? "End the recording" : "Record";
  button.classList.toggle("recording", Boolean(stopRecording));
}

function form(fields) {
  const body = new FormData();
  body.append("model", $("listen-model").value || "whisper-1");
  if ($("listen-language").value) body.append("language", $("listen-language").value);
  if ($("prompt").value.trim()) body.append("prompt", $("prompt").value.trim());
  for (const [name, value] of fields) body.append(name, value);
  body.append("file", file, file.name);
  return body;
}

/** Run one request of the section, which a second one and Stop end. */
async function work(saying, act) {
  running?.abort();
  const control = new AbortController();
  const began = performance.now();
  running = control;
  problem($("listen-problem"), null);
  $("listen-state").textContent = saying;
  $("listen-stop").disabled = false;
  try {
    await act(control.signal);
    $("listen-state").textContent = `Done in ${took(performance.now() - began)}`;
    return true;
  } catch (error) {
    const stopped = error.name === "AbortError";
    if (running === control) $("listen-state").textContent = stopped ? "Stopped" : "";
    if (!stopped) problem($("listen-problem"), error);
    return false;
  } finally {
    if (running === control) {
      running = null;
      $("listen-stop").disabled = true;
      allowSaving();
    }
  }
}

function transcribe() {
  text = "";
  verbose = null;
  $("transcript").textContent = "";
  allowSaving();
  const translate = $("translate").checked;
  work("Sending and listening …", (signal) => (translate ? translated(signal) : live(signal)));
}

async function live(signal) {
  const answer = await call("POST", "v1/audio/transcriptions", { body: form([["stream", "true"]]), signal });
  const place = $("transcript");
  for await (const event of eventsOf(answer)) {
    if (event.type === "transcript.text.delta") {
      text += event.delta;
      place.append(event.delta);
      place.scrollTop = place.scrollHeight;
    } else if (event.type === "transcript.text.done") {
      text = event.text;
    }
  }
  place.textContent = text || "Nobody was heard to speak.";
}

async function translated(signal) {
  await withTimes(signal);
  text = verbose.text;
  $("transcript").textContent = text || "Nobody was heard to speak.";
}

async function withTimes(signal) {
  const body = form([["response_format", "verbose_json"]]);
  if ($("translate").checked) {
    body.delete("language");
    verbose = await ask("POST", "v1/audio/translations", { body, signal });
    return;
  }
  for (const name of ["segment", "word"]) body.append("timestamp_granularities[]", name);
  verbose = await ask("POST", "v1/audio/transcriptions", { body, signal }).catch(async (error) => {
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    return ask("POST", "v1/audio/transcriptions", { body: form([["response_format", "verbose_json"]]), signal }); // a model without times of words
  });
}

function allowSaving() {
  for (const button of document.querySelectorAll("[data-save], #transcript-copy")) button.disabled = !text || !file;
}

async function saveAs(kind) {
  const name = file.name.replace(/\.[^.]*$/, "") || "transcript";
  if (kind === "txt") return save(new Blob([`${text}\n`], { type: "text/plain" }), `${name}.txt`);
  if (!verbose && !(await work("Listening for the times …", withTimes))) return undefined;
  const contents = { srt: () => cues(verbose.segments, "srt"), vtt: () => cues(verbose.segments, "vtt"), json: () => `${JSON.stringify(verbose, null, 2)}\n` };
  return save(new Blob([contents[kind]()], { type: kind === "json" ? "application/json" : "text/plain" }), `${name}.${kind}`);
}
