// Plays files that the browser decodes itself: while they come where it takes the type as a stream (MP3, AAC in most
// browsers), else once they are whole.

const STEP = 65_536;
const AHEAD = 30;
const STREAMED = { mp3: "audio/mpeg", aac: "audio/aac" };

/** Return whether a format can be heard while it comes. */
export function streams(format) {
  return Boolean(STREAMED[format]) && "MediaSource" in window && MediaSource.isTypeSupported(STREAMED[format]);
}

/** Plays `bytes` of a format, with `type` as the media type of the whole file. */
export class MediaPlayer {
  constructor(bytes, format, type) {
    Object.assign(this, { bytes, type });
    this.audio = new Audio();
    this.closed = false;
    if (streams(format)) this.stream(STREAMED[format]);
    else this.whole();
  }

  get duration() {
    const told = this.audio.duration;
    if (Number.isFinite(told)) return told;
    const buffered = this.audio.buffered;
    return buffered.length ? buffered.end(buffered.length - 1) : 0;
  }

  get position() {
    return this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  play() {
    this.audio.play().catch(() => {}); // nothing has come yet, or the tab may not play: the button still shows it
  }

  pause() {
    this.audio.pause();
  }

  seek(seconds) {
    this.audio.currentTime = Math.min(seconds, this.duration);
  }

  close() {
    this.closed = true;
    this.audio.pause();
    URL.revokeObjectURL(this.url);
  }

  async whole() {
    let length = 0;
    while (!this.bytes.ended) {
      await this.bytes.beyond(length);
      length = this.bytes.length;
    }
    if (this.closed || !this.bytes.length) return;
    this.show(this.bytes.blob(this.type));
    this.play();
  }

  show(source) {
    this.url = URL.createObjectURL(source);
    this.audio.src = this.url;
  }

  async stream(type) {
    const source = new MediaSource();
    this.show(source);
    await event(source, "sourceopen");
    const buffer = source.addSourceBuffer(type);
    let at = 0;
    for (;;) {
      await this.bytes.beyond(at);
      if (this.closed || source.readyState !== "open") return;
      if (at >= this.bytes.length) break;
      const data = await this.bytes.read(at, at + STEP);
      if (!(await appended(buffer, data))) return;
      at += data.length;
      while (!this.closed && this.duration - this.position > AHEAD && at > STEP) await pause(250);
    }
    if (source.readyState === "open") source.endOfStream();
  }
}

async function appended(buffer, data) {
  try {
    buffer.appendBuffer(data);
  } catch {
    return false; // the element gave up on what came before
  }
  await event(buffer, "updateend");
  return true;
}

const event = (target, name) => new Promise((done) => target.addEventListener(name, done, { once: true }));
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
