// The picture of a sound: how loud it is at each moment, in bars.

const PER_SECOND = 50;
const BAR = 3;
const GAP = 2;
const LEAST = 2;

/** How loud a sound is, fifty times a second, counted while its samples come. */
export class Loudness {
  constructor(rate) {
    this.step = Math.max(1, Math.round(rate / PER_SECOND));
    this.peaks = [];
    this.peak = 0;
    this.filled = 0;
  }

  /** Add 16-bit samples (`scale` 32768) or floats (`scale` 1). */
  add(samples, scale = 32768) {
    for (const sample of samples) {
      const level = sample < 0 ? -sample : sample;
      if (level > this.peak) this.peak = level;
      this.filled += 1;
      if (this.filled === this.step) {
        this.peaks.push(this.peak / scale);
        this.peak = 0;
        this.filled = 0;
      }
    }
  }
}

/** Draws a loudness into a canvas, with what was played in the accent's colour. */
export class Wave {
  constructor(canvas) {
    this.canvas = canvas;
    this.loudness = null;
    this.drawn = "";
    new ResizeObserver(() => this.draw(this.share || 0)).observe(canvas);
  }

  /** Show a loudness, or none. */
  show(loudness) {
    this.loudness = loudness;
    this.drawn = "";
    this.draw(0);
  }

  /** Draw, with a share from 0 to 1 of it played; does nothing where that would change nothing. */
  draw(share) {
    this.share = share;
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const bars = Math.max(1, Math.floor(width / (BAR + GAP)));
    const played = Math.round(share * bars);
    const style = getComputedStyle(canvas);
    const state = [width, ratio, played, this.loudness?.peaks.length ?? 0, style.color].join();
    if (state === this.drawn || !width) return;
    this.drawn = state;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    this.levels(bars).forEach((level, at) => {
      const tall = Math.max(LEAST, level * (height - 4));
      context.fillStyle = at < played ? pick(accent, style) : style.color;
      context.globalAlpha = at < played ? 1 : 0.55;
      context.fillRect(at * (BAR + GAP), (height - tall) / 2, BAR, tall);
    });
  }

  levels(bars) {
    const peaks = this.loudness?.peaks ?? [];
    const levels = new Array(bars).fill(0);
    const each = Math.max(peaks.length / bars, 1);
    for (let at = 0; at < peaks.length; at += 1) {
      const bar = Math.min(bars - 1, Math.floor(at / each));
      if (peaks[at] > levels[bar]) levels[bar] = peaks[at];
    }
    return levels;
  }
}

/** Return a colour that a canvas knows: a `light-dark()` is resolved by hand. */
function pick(value, style) {
  const found = value.match(/light-dark\(\s*(#\w+)\s*,\s*(#\w+)\s*\)/);
  if (!found) return value.trim();
  return isDark(style) ? found[2] : found[1];
}

function isDark(style) {
  const scheme = document.documentElement.dataset.theme;
  return scheme ? scheme === "dark" : style.colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Return the loudness of a whole file; null for one that the browser does not decode. */
export async function loudnessOf(blob) {
  try {
    const context = new OfflineAudioContext(1, 1, 16_000);
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    const loudness = new Loudness(decoded.sampleRate);
    loudness.add(decoded.getChannelData(0), 1);
    return loudness;
  } catch {
    return null;
  }
}
