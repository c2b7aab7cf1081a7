// Plays 16-bit samples while they come. Buffers are scheduled a few seconds ahead one behind the other, which works
// without HTTPS too (an AudioWorklet does not), and needs no more of the audio in memory than those seconds.

const STEP = 0.5;
const AHEAD = 4;
const SAMPLE_BYTES = 2;

/** Plays `bytes` from the place where its samples begin. */
export class PcmPlayer {
  constructor(bytes, { rate, start, context }) {
    Object.assign(this, { bytes, rate, start, context });
    this.playing = false;
    this.nodes = new Set();
    this.place = 0;
    this.run = 0;
  }

  /** Seconds of audio that are there. */
  get duration() {
    return Math.max(0, (this.bytes.length - this.start) / SAMPLE_BYTES / this.rate);
  }

  /** Seconds that have been played. */
  get position() {
    if (!this.playing || this.zero === undefined) return Math.min(this.place, this.duration);
    return Math.max(0, Math.min(this.context.currentTime - this.zero, this.duration));
  }

  /** Begin, or go on where it was. */
  play() {
    if (this.playing) return;
    this.playing = true;
    this.context.resume();
    if (this.bytes.ended && this.place >= this.duration - 0.05) this.place = 0;
    this.feed(++this.run, this.place);
  }

  /** Stop for now. */
  pause() {
    this.place = this.position;
    this.halt();
  }

  /** Go to a place, playing or not. */
  seek(seconds) {
    const played = this.playing;
    this.halt();
    this.place = Math.max(0, Math.min(seconds, this.duration));
    if (played) this.play();
  }

  halt() {
    this.playing = false;
    this.run += 1;
    this.zero = undefined;
    for (const node of this.nodes) node.stop();
    this.nodes.clear();
  }

  /** Stop for good. */
  close() {
    this.pause();
  }

  async feed(run, from) {
    let sample = Math.floor(from * this.rate);
    let when = 0;
    for (;;) {
      await this.bytes.beyond(this.start + sample * SAMPLE_BYTES + 1);
      const begin = this.start + sample * SAMPLE_BYTES;
      const data = await this.bytes.read(begin, begin + STEP * this.rate * SAMPLE_BYTES);
      if (run !== this.run) return;
      if (data.length < SAMPLE_BYTES) break;
      if (when < this.context.currentTime + 0.02) when = this.context.currentTime + 0.06; // first, or it ran dry
      this.zero = when - sample / this.rate;
      const length = this.schedule(data, when);
      sample += length;
      when += length / this.rate;
      while (run === this.run && when - this.context.currentTime > AHEAD) await pause(200);
      if (run !== this.run) return;
    }
    while (run === this.run && this.context.currentTime < when) await pause(50);
    if (run !== this.run) return;
    this.place = this.duration;
    this.halt();
  }

  schedule(data, when) {
    const length = data.length >> 1;
    const samples = new Int16Array(data.buffer, data.byteOffset, length);
    const buffer = this.context.createBuffer(1, length, this.rate);
    const channel = buffer.getChannelData(0);
    for (let at = 0; at < length; at += 1) channel[at] = samples[at] / 32768;
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.context.destination);
    node.onended = () => this.nodes.delete(node);
    this.nodes.add(node);
    node.start(when);
    return length;
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
