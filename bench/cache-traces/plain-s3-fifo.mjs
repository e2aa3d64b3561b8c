import { Linked } from './linked.mjs';

const smallPart = 0.1;

/** S3-FIFO as its authors describe it, by bytes: a small queue of a tenth, a main queue, ghosts of as many bytes as main. */
export class PlainS3Fifo {
  #items = new Map();
  #small = new Linked();
  #main = new Linked();
  #ghosts = new Map();
  #ghostBytes = 0;

  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes() {
    return this.#small.bytes + this.#main.bytes;
  }

  get(name) {
    const item = this.#items.get(name);
    if (item === undefined) return false;
    item.uses = Math.min(3, item.uses + 1);
    return true;
  }

  set(name, bytes) {
    while (this.bytes + bytes > this.bytesMax) this.#makeRoom();
    const item = { name, bytes, uses: 0 };
    this.#items.set(name, item);
    (this.#forget(name) ? this.#main : this.#small).add(item);
  }

  #makeRoom() {
    const fromSmall = this.#main.oldest === null || this.#small.bytes > smallPart * this.bytesMax;
    const { oldest } = fromSmall ? this.#small : this.#main;
    oldest.list.remove(oldest);
    if (oldest.uses > (fromSmall ? 1 : 0)) {
      oldest.uses = fromSmall ? 0 : oldest.uses - 1;
      this.#main.add(oldest);
      return;
    }
    this.#items.delete(oldest.name);
    if (fromSmall) this.#remember(oldest);
  }

  #remember({ name, bytes }) {
    this.#ghosts.set(name, bytes);
    this.#ghostBytes += bytes;
    for (const old of this.#ghosts.keys()) {
      if (this.#ghostBytes <= (1 - smallPart) * this.bytesMax) break;
      this.#forget(old);
    }
  }

  #forget(name) {
    this.#ghostBytes -= this.#ghosts.get(name) ?? 0;
    return this.#ghosts.delete(name);
  }
}
