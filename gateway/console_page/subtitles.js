// Subtitles of a transcript's segments, whose times are in seconds.

/** Return the segments as SRT or WebVTT. */
export function cues(segments, kind) {
  const comma = kind === "srt" ? "," : ".";
  const said = (segments ?? []).filter((segment) => segment.text.trim());
  const blocks = said.map((segment, at) => {
    const times = `${time(segment.start, comma)} --> ${time(segment.end, comma)}`;
    const text = segment.text.trim().replaceAll("-->", "->");
    return kind === "srt" ? `${at + 1}\n${times}\n${text}\n` : `${times}\n${text}\n`;
  });
  return `${kind === "vtt" ? "WEBVTT\n\n" : ""}${blocks.join("\n")}`;
}

function time(seconds, comma) {
  const whole = Math.round(seconds * 1000);
  const two = (value) => String(value).padStart(2, "0");
  const parts = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60, Math.floor(whole / 1000) % 60].map(two);
  return `${parts.join(":")}${comma}${String(whole % 1000).padStart(3, "0")}`;
}
