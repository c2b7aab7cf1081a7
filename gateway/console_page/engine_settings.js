// The settings of an engine's own, as fields: what the server says of each makes its field.

import { h } from "./dom.js";

/** Fill a box with a field for each setting, empty where the engine's own value is to be taken. */
export function showSettings(box, settings) {
  box.replaceChildren(...settings.map(field));
}

/** Return the settings that were filled in, by name. */
export function chosenSettings(box) {
  const found = {};
  for (const input of box.querySelectorAll("[data-setting]")) {
    if (input.value === "") continue;
    const { setting, kind } = input.dataset;
    found[setting] = kind === "number" ? Number(input.value) : kind === "flag" ? input.value === "true" : input.value;
  }
  return found;
}

function field(setting) {
  const id = `setting-${setting.name}`;
  const title = setting.name.replaceAll("_", " ");
  const about = [setting.description, setting.allowed].filter(Boolean).join("; ");
  return h("div", { className: "field" },
    h("label", { htmlFor: id }, title[0].toUpperCase() + title.slice(1)),
    input(setting, id),
    h("p", { className: "hint", id: `${id}-about` }, about));
}

function input(setting, id) {
  const common = { id, "data-setting": setting.name, "aria-describedby": `${id}-about` };
  const own = setting.default === undefined ? "As the voice has it" : String(setting.default);
  if (setting.minimum !== undefined || setting.maximum !== undefined) {
    return h("input", { ...common, type: "number", step: "any", min: setting.minimum ?? "", max: setting.maximum ?? "", placeholder: own, "data-kind": "number" });
  }
  const isFlag = !setting.choices && (typeof setting.default === "boolean" || /true|false/.test(setting.allowed));
  const choices = isFlag ? ["true", "false"] : setting.choices;
  if (!choices) return h("input", { ...common, placeholder: own, "data-kind": "text" });
  const options = choices.map((choice) => h("option", { value: choice }, choice));
  return h("select", { ...common, "data-kind": isFlag ? "flag" : "text" }, h("option", { value: "" }, `${own} (as it is)`), options);
}
