// The bytes of an answer, kept while they come. What is old lies in blobs, which a browser may put on the disk,
// so that an hour of audio does not lie in the page's memory.

const PIECE = 4_194_304;

/** Bytes that grow at their end and can be read anywhere. */
export class Bytes {
  constructor() {
    this.length = 0;
    this.ended = false;
    this.sealed = new Blob([]);
    this.tail = [];
    this.waiting = [];
  }

  /** Add a chunk. */
  push(chunk) {
    this.tail.push(chunk);
    this.length += chunk.length;
    if (this.length - this.sealed.size >= PIECE) {
      this.sealed = new Blob([this.sealed, ...this.tail]);
      this.tail = [];
    }
    this.wake();
  }

  /** Say that nothing more comes. */
  end() {
    this.ended = true;
    this.wake();
  }

  wake() {
    for (const done of this.waiting.splice(0)) done();
  }

  /** Wait until there is more than so many bytes, or no more will come. */
  async beyond(length) {
    while (this.length <= length && !this.ended) await new Promise((done) => this.waiting.push(done));
  }

  /** Return the bytes from one place up to another, as far as they are there. */
  async read(from, to) {
    return new Uint8Array(await this.blob("").slice(from, Math.min(to, this.length)).arrayBuffer());
  }

  /** Return all that is there as a file of a media type. */
  blob(type) {
    return new Blob([this.sealed, ...this.tail], { type });
  }
}
