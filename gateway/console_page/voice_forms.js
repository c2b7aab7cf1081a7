// The dialogs in which voices are cloned, designed and edited.

import { ask } from "./api.js";
import { catalogue, changes, fetchVoices, fillLanguages } from "./catalogue.js";
import { $, busy, closable, problem, toast } from "./dom.js";
import { SoundField } from "./sound_field.js";

const sounds = {};
let edited = null;

/** Set the dialogs up. */
export function startForms() {
  for (const box of document.querySelectorAll("[data-sound]")) sounds[box.dataset.sound] = new SoundField(box);
  for (const name of ["clone", "design", "edit"]) closable($(`${name}-dialog`));
  $("clone-open").addEventListener("click", () => open("clone"));
  $("design-open").addEventListener("click", () => open("design"));
  onSubmit("clone", clone);
  onSubmit("design", design);
  onSubmit("edit", edit);
  $("clone-dialog").addEventListener("close", () => Object.values(sounds).forEach((sound) => sound.end()));
  changes.addEventListener("voices", () => ["clone", "design", "edit"].forEach((name) => fillLanguages($(`${name}-language`))));
}

function onSubmit(name, act) {
  $(`${name}-form`).addEventListener("submit", (event) => {
    event.preventDefault();
    busy(event.submitter ?? event.currentTarget, $(`${name}-problem`), act);
  });
}

function open(name) {
  $(`${name}-form`).reset();
  problem($(`${name}-problem`), null);
  if (name === "clone") Object.values(sounds).forEach((sound) => sound.set(null));
  $("clone-engine").textContent = missing("cloned", "No model that clones is here. The voice is kept, and speaks once one is: pull one under Models.");
  $("design-engine").textContent = missing("designed", "No model that designs is here. The description is kept, and the voice is made when it first speaks: pull a model under Models.");
  $(`${name}-dialog`).showModal();
}

/** Return what to say where no model that is here makes voices of a type. */
function missing(type, text) {
  const here = catalogue.files.some((one) => one.voice_types.includes(type) && ["ready", "resting", "starting"].includes(one.state));
  const known = new Set(catalogue.files.map((one) => one.id));
  const further = catalogue.models.some((one) => one.owned_by === "voicebox" && one.task === "text-to-speech" && !known.has(one.id) && !["espeak", "hibari"].includes(one.id));
  return here || further ? "" : text;
}

async function clone() {
  await sounds.sample.end();
  await sounds.consent.end();
  if (!sounds.sample.file) throw new Error("Choose or record a few seconds of the voice first.");
  const body = new FormData();
  body.append("name", $("clone-name").value.trim());
  if ($("clone-language").value) body.append("language", $("clone-language").value);
  if ($("clone-words").value.trim()) body.append("transcript", $("clone-words").value.trim());
  try {
    if (sounds.consent.file) body.append("consent", (await consent()).id);
    body.append("audio_sample", sounds.sample.file, sounds.sample.file.name);
    await made(await ask("POST", "v1/audio/voices", { body }), "clone");
  } catch (error) {
    if (error.param === "consent") $("consent").open = true;
    throw error;
  }
}

function consent() {
  const body = new FormData();
  body.append("name", $("consent-name").value.trim() || $("clone-name").value.trim());
  body.append("language", $("clone-language").value || "en");
  body.append("recording", sounds.consent.file, sounds.consent.file.name);
  return ask("POST", "v1/audio/voice_consents", { body });
}

async function design() {
  const json = { name: $("design-name").value.trim(), type: "prompt", prompt: $("design-prompt").value.trim() };
  if ($("design-language").value) json.language = $("design-language").value;
  await made(await ask("POST", "v1/audio/voices", { json }), "design");
}

async function made(voice, name) {
  $(`${name}-dialog`).close();
  toast(`${voice.name} is here`);
  await fetchVoices();
}

/** Open the dialog that edits a voice. */
export async function openEdit(voice) {
  const profile = await ask("GET", path(voice.id));
  edited = profile;
  problem($("edit-problem"), null);
  $("edit-name").value = profile.name;
  $("edit-about").value = profile.description;
  $("edit-language").value = profile.languages[0] ?? "";
  $("edit-speed").value = profile.speed ?? "";
  $("edit-instructions").value = profile.instructions;
  $("edit-shared").checked = profile.shared;
  $("edit-dialog").showModal();
}

async function edit() {
  const speed = $("edit-speed").value;
  const json = {
    name: $("edit-name").value.trim(), description: $("edit-about").value, instructions: $("edit-instructions").value,
    speed: speed === "" ? null : Number(speed), shared: $("edit-shared").checked,
  };
  const chosen = $("edit-language").value;
  if (chosen !== (edited.languages[0] ?? "")) json.languages = chosen ? [chosen] : [];
  const profile = await ask("PATCH", path(edited.id), { json });
  $("edit-dialog").close();
  toast(`${profile.name} was saved`);
  await fetchVoices();
}

const path = (id) => `v1/voicebox/profiles/${encodeURIComponent(id)}`;
