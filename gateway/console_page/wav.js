// The head of a WAV file: where its samples begin, and its sizes, which a stream leaves open.

/** Return rate, channels and first byte of the samples of a WAV file's head; null while it is not all there. */
export function wavHead(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 12;
  let rate = 24000;
  let channels = 1;
  while (at + 8 <= bytes.length) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (name === "data") return { rate, channels, start: at + 8 };
    if (name === "fmt " && at + 16 <= bytes.length) {
      channels = view.getUint16(at + 10, true);
      rate = view.getUint32(at + 12, true);
    }
    at += 8 + view.getUint32(at + 4, true);
  }
  return null;
}

/** Return a WAV file with its true sizes in its head, which players need to seek in it. */
export async function finishedWav(blob) {
  const head = new Uint8Array(await blob.slice(0, 256).arrayBuffer());
  const found = wavHead(head);
  if (!found) return blob;
  const view = new DataView(head.buffer);
  view.setUint32(4, blob.size - 8, true);
  view.setUint32(found.start - 4, blob.size - found.start, true);
  return new Blob([head.slice(0, found.start), blob.slice(found.start)], { type: "audio/wav" });
}
