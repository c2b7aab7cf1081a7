// A field for a sound: chosen from the disk, or recorded here, and heard before it is sent.

import { h, problem } from "./dom.js";
import { record } from "./recorder.js";
import { clock, size } from "./words.js";

let number = 0;

/** Fill a fieldset with buttons to choose or record a sound. */
export class SoundField {
  constructor(box) {
    const id = `sound-${(number += 1)}`;
    this.file = null;
    this.stop = null;
    this.input = h("input", { type: "file", id, accept: "audio/*,video/*", className: "hidden-input", onchange: () => this.set(this.input.files[0]) });
    this.button = h("button", { type: "button", className: "small", onclick: () => this.toggle() }, "Record");
    this.about = h("span", { className: "hint", role: "status" }, "Nothing chosen");
    this.audio = h("audio", { controls: true, hidden: true });
    this.trouble = h("p", { className: "problem", role: "alert", hidden: true });
    box.append(
      h("div", { className: "row" }, h("label", { className: "button small", htmlFor: id }, "Choose a file"), this.input, this.button, this.about),
      this.audio, this.trouble);
  }

  /** Take a file, or none. */
  set(file) {
    if (this.audio.src) URL.revokeObjectURL(this.audio.src);
    this.file = file ?? null;
    this.audio.hidden = !file;
    if (file) this.audio.src = URL.createObjectURL(file);
    else this.audio.removeAttribute("src");
    this.about.textContent = file ? `${file.name}, ${size(file.size)}` : "Nothing chosen";
    if (!file) this.input.value = "";
  }

  /** Begin or end a recording. */
  async toggle() {
    problem(this.trouble, null);
    if (this.stop) return this.end();
    try {
      this.stop = await record((seconds) => { this.about.textContent = `Recording ${clock(seconds)}`; });
      this.mark(true);
    } catch (error) {
      problem(this.trouble, error);
    }
    return undefined;
  }

  /** End a recording, if there is one, and take it. */
  async end() {
    if (!this.stop) return;
    const { stop } = this;
    this.stop = null;
    this.mark(false);
    this.set(await stop());
  }

  mark(is) {
    this.button.textContent = is ? "End the recording" : "Record";
    this.button.classList.toggle("recording", is);
  }
}
