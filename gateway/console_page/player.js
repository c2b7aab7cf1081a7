// The player below the text: it plays an answer while it comes, shows its waveform, and moves in it.

import { Bytes } from "./bytes.js";
import { $ } from "./dom.js";
import { MediaPlayer } from "./media_player.js";
import { PcmPlayer } from "./pcm_player.js";
import { finishedWav, wavHead } from "./wav.js";
import { Loudness, Wave, loudnessOf } from "./waveform.js";
import { clock } from "./words.js";

const PCM = { rate: 24_000, channels: 1, start: 0 };
const MOST_DECODED = 8_388_608;
const STEP_SECONDS = 5;

let context;

/** Return the page's one audio context; to be called first in a handler of a click, or browsers keep it silent. */
export function audioContext() {
  context = context || new AudioContext();
  context.resume();
  return context;
}

export class Player {
  constructor() {
    this.wave = new Wave($("wave"));
    this.player = null;
    $("play").addEventListener("click", () => this.toggle());
    $("wave").addEventListener("pointerdown", (event) => this.point(event));
    $("wave").addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  /** Begin a new answer in a format. */
  begin(format, type) {
    this.close();
    this.bytes = new Bytes();
    this.format = format;
    this.type = type;
    this.loudness = null;
    this.counted = 0;
    this.wave.show(null);
    if (format !== "wav" && format !== "pcm") this.player = new MediaPlayer(this.bytes, format, type);
    if (format === "pcm") this.samples(PCM);
    this.player?.play();
    this.tick();
  }

  /** Add a chunk of the answer. */
  push(chunk) {
    this.bytes.push(chunk);
    if (this.format === "wav" && !this.player) {
      this.head = this.head ? joined(this.head, chunk) : chunk;
      const found = wavHead(this.head);
      if (!found) return;
      this.samples(found);
      this.player.play();
      this.tick();
      this.count(this.head.subarray(found.start));
    } else if (this.loudness) {
      this.count(chunk);
    }
  }

  samples(found) {
    this.loudness = new Loudness(found.rate);
    this.wave.show(this.loudness);
    this.odd = null;
    this.player = new PcmPlayer(this.bytes, { ...found, context: audioContext() });
  }

  count(chunk) {
    const all = this.odd ? joined(this.odd, chunk) : chunk;
    const even = all.length & ~1;
    this.odd = even < all.length ? all.slice(even) : null;
    const aligned = all.byteOffset % 2 ? all.slice(0, even) : all.subarray(0, even);
    this.loudness.add(new Int16Array(aligned.buffer, aligned.byteOffset, even / 2));
  }

  /** Say that the answer has ended, whole or not. */
  async end() {
    const { bytes } = this;
    this.bytes.end();
    this.head = null;
    if (this.loudness || !bytes.length || bytes.length > MOST_DECODED) return;
    const loudness = await loudnessOf(bytes.blob(this.type));
    if (loudness && bytes === this.bytes) this.wave.show(loudness);
  }

  /** Return the whole answer as a file. */
  async file() {
    const blob = this.bytes.blob(this.type);
    return this.format === "wav" ? finishedWav(blob) : blob;
  }

  /** Stop playing, for good. */
  close() {
    this.player?.close();
    this.player = null;
    this.head = null;
    this.show();
  }

  /** Stop the sound, and keep what there is. */
  pause() {
    this.player?.pause();
    this.show();
  }

  toggle() {
    audioContext();
    if (!this.player) return;
    if (this.player.playing) this.player.pause();
    else this.player.play();
    this.tick();
  }

  point(event) {
    if (!this.player?.duration) return;
    const box = event.target.getBoundingClientRect();
    this.seek(((event.clientX - box.left) / box.width) * this.player.duration);
  }

  key(event) {
    const moves = { ArrowLeft: -STEP_SECONDS, ArrowDown: -STEP_SECONDS, ArrowRight: STEP_SECONDS, ArrowUp: STEP_SECONDS, Home: -Infinity, End: Infinity };
    if (!this.player || !(event.key in moves)) return;
    event.preventDefault();
    this.seek(Math.min(this.player.duration, Math.max(0, this.player.position + moves[event.key])));
  }

  seek(seconds) {
    this.player.seek(seconds);
    this.tick();
  }

  tick() {
    if (this.ticking) return;
    this.ticking = true;
    const step = () => {
      this.show();
      if (!this.bytes.ended || this.player?.playing) requestAnimationFrame(step);
      else this.ticking = false;
    };
    requestAnimationFrame(step);
  }

  show() {
    const { player } = this;
    const duration = player?.duration || 0;
    const position = player?.position || 0;
    const playing = Boolean(player?.playing);
    const button = $("play");
    button.disabled = !player;
    const label = playing ? "Pause" : "Play";
    if (button.getAttribute("aria-label") !== label) {
      button.setAttribute("aria-label", label);
      button.textContent = playing ? "❚❚" : "▶";
    }
    this.wave.draw(duration ? position / duration : 0);
    const text = duration ? `${clock(position)} / ${clock(duration)}` : "0:00";
    if (text === this.shown) return;
    this.shown = text;
    $("clock").textContent = text;
    const wave = $("wave");
    wave.setAttribute("aria-disabled", String(!duration));
    wave.setAttribute("aria-valuemax", String(Math.floor(duration)));
    wave.setAttribute("aria-valuenow", String(Math.floor(position)));
    wave.setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
  }
}

function joined(first, second) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
