// Figures, times and names of languages, as people write them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];
let names;

/** Return a number of bytes in words; 0 is one that nobody has measured. */
export function size(bytes) {
  if (!bytes) return "size unknown";
  const step = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** step;
  return `${value.toFixed(value < 10 && step > 1 ? 1 : 0)} ${UNITS[step]}`;
}

/** Return seconds as minutes and seconds. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Return milliseconds, in seconds from one on. */
export function took(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}

/** Return seconds as a time to go. */
export function left(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s left`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
}

/** Return a language's English name by its tag. */
export function language(tag) {
  try {
    names = names || new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
    return names.of(tag);
  } catch {
    return tag; // a tag of an engine's own
  }
}

/** Return the first part of a language's tag. */
export const primary = (tag) => tag.split(/[-_]/)[0].toLowerCase();

/** Return a number with thousands apart. */
export const count = (number) => number.toLocaleString("en");
