// Models: what is here, what could be, and how far a pull is.

import { ask } from "./api.js";
import { catalogue, changes, fetchModels, fetchVoices } from "./catalogue.js";
import { $, busy, h, settled, sure, toast } from "./dom.js";
import { follow, followed } from "./pulls.js";
import { language, left, size } from "./words.js";

const HERE = ["ready", "resting", "starting", "failed", "stopped", "disabled", "unusable"];
const STATES = {
  ready: ["good", "Loaded"], resting: ["", "Rests until wanted"], starting: ["work", "Loading"], failed: ["bad", "Failed"], stopped: ["bad", "Stopped"],
  disabled: ["", "Switched off in the settings"], unusable: ["bad", "Cannot run here"], absent: ["", "Not here"], incomplete: ["work", "Partly here"], pulling: ["work", "Being pulled"],
};
const cards = new Map();

/** Set the section up. */
export function startModels() {
  $("model-filter").addEventListener("input", settled(filter));
  for (const id of ["model-kind", "model-fits"]) $(id).addEventListener("change", filter);
  changes.addEventListener("models", show);
}

/** Show the models: a card is only made anew where its model is another than before. */
function show() {
  const shown = { here: [], there: [] };
  for (const model of catalogue.files) {
    const told = JSON.stringify(model);
    let card = cards.get(model.id);
    if (!card || card.told !== told) cards.set(model.id, (card = { told, element: element(model), model }));
    shown[HERE.includes(model.state) ? "here" : "there"].push(card.element);
    if (model.state === "pulling" && !followed(model.id)) follow(model.id, (pull) => progress(model.id, pull), ended);
  }
  arrange($("models-here"), shown.here);
  arrange($("models-there"), shown.there);
  filter();
}

function arrange(list, elements) {
  const same = list.children.length === elements.length && elements.every((one, at) => list.children[at] === one);
  if (!same) list.replaceChildren(...elements);
}

function element(model) {
  const [kind, word] = STATES[model.state] ?? ["", model.state];
  const does = [model.kinds.includes("speech") && "speaks", model.kinds.includes("transcription") && "listens", model.cloning && "clones", model.voice_types.includes("designed") && "designs"];
  const facts = [size(model.size_on_disk || model.size), does.filter(Boolean).join(", "), spoken(model), model.licence, model.gated && "terms to agree to on the hub", model.tier === "experimental" && "experimental"];
  const slow = model.loading_seconds ? ` for ${Math.round(model.loading_seconds)} s` : "";
  return h("li", { className: "model", "data-model": model.id },
    h("div", {},
      h("h3", {}, model.name), h("div", { className: "facts" }, h("code", {}, model.id), facts.filter(Boolean).map((fact) => h("span", {}, fact))),
      h("span", { className: `state ${kind}` }, word + slow)),
    h("div", { className: "row" }, actions(model)),
    model.reason && h("p", { className: "why" }, model.reason),
    h("div", { className: "pull", hidden: true }, h("progress", { "aria-label": `Pull of ${model.id}`, max: 1, value: 0 }), h("span", { role: "status" })));
}

function spoken(model) {
  const { languages } = model;
  if (!languages.length) return "";
  return languages.length > 3 ? `${languages.length} languages` : languages.map(language).join(", ");
}

function actions(model) {
  const button = (label, act, kind = "") => h("button", {
    type: "button", className: `small ${kind}`, "aria-label": `${label} ${model.id}`,
    onclick: (event) => busy(event.currentTarget, $("models-problem"), () => act(model)),
  }, label);
  const { state } = model;
  const found = [];
  if (["absent", "incomplete"].includes(state) && model.runs_here) found.push(button(state === "absent" ? "Pull" : "Go on pulling", pull));
  if (state === "pulling") found.push(button("Cancel", cancel));
  if (["resting", "failed", "stopped"].includes(state)) found.push(button("Load", load));
  if (["ready", "starting"].includes(state)) found.push(button("Unload", unload));
  const own = model.source !== "installed" && model.size_on_disk > 0 && state !== "pulling";
  if (own) found.push(button("Delete", remove, "danger"));
  return found;
}

const at = (model) => encodeURIComponent(model.id);

async function pull(model) {
  await ask("POST", `v1/voicebox/models/${at(model)}/pull`);
  follow(model.id, (status) => progress(model.id, status), ended);
  await fetchModels();
}

async function cancel(model) {
  await ask("POST", `v1/voicebox/models/${at(model)}/cancel`);
  await fetchModels();
}

async function load(model) {
  toast(`${model.id} is being loaded`);
  const soon = setTimeout(fetchModels, 500);
  try {
    await ask("POST", `v1/voicebox/models/${at(model)}/load`);
    toast(`${model.id} is loaded`);
  } finally {
    clearTimeout(soon);
    await Promise.all([fetchModels(), fetchVoices()]);
  }
}

async function unload(model) {
  await ask("POST", `v1/voicebox/models/${at(model)}/unload`);
  await fetchModels();
}

async function remove(model) {
  if (!(await sure(`Delete ${model.id}?`, `Its files, ${size(model.size_on_disk)}, are deleted from this machine. They can be pulled again.`))) return;
  const { freed } = await ask("DELETE", `v1/voicebox/models/${at(model)}`);
  toast(`${model.id} was deleted: ${size(freed)} are free again`);
  await Promise.all([fetchModels(), fetchVoices()]);
}

function progress(id, status) {
  const place = cards.get(id)?.element.querySelector(".pull");
  if (!place) return;
  place.hidden = false;
  const [bar, words] = place.children;
  if (status.total) bar.value = status.done / status.total;
  else bar.removeAttribute("value");
  const figures = [status.total && `${size(status.done || 1)} of ${size(status.total)}`, status.speed && `${size(status.speed)}/s`, status.eta && left(status.eta)];
  words.textContent = status.note || figures.filter(Boolean).join(" · ") || "Looking for the files …";
}

async function ended(id, status) {
  if (status?.state === "failed") toast(`${id}: ${status.error}`, "bad");
  if (status?.state === "done") toast(`${id} is here`);
  const card = cards.get(id);
  if (card) card.told = "";
  await Promise.all([fetchModels(), fetchVoices()]);
}

/** Hide the models that the filter does not name. */
function filter() {
  const words = $("model-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = $("model-kind").value;
  const fits = $("model-fits").checked;
  const shown = { here: 0, there: 0 };
  for (const { element: card, model } of cards.values()) {
    const said = `${model.id} ${model.name} ${model.licence} ${model.engine} ${model.languages.join(" ")} ${model.languages.map(language).join(" ")}`.toLowerCase();
    const here = HERE.includes(model.state);
    const of = !kind || (kind === "cloning" ? model.cloning : model.kinds.includes(kind));
    const is = of && words.every((word) => said.includes(word)) && (!fits || here || model.runs_here);
    if (card.hidden === is) card.hidden = !is;
    shown[here ? "here" : "there"] += is;
  }
  $("here-empty").hidden = shown.here > 0;
  $("model-count").textContent = `${shown.here} here, ${shown.there} to be had`;
}
