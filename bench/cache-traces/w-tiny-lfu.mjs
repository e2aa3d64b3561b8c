import { Linked } from './linked.mjs';
import { Slru } from './policies.mjs';

/** How often names were asked for, lately: four rows of small counters, halved every so often. */
class FrequencySketch {
  #mask;
  #counters;
  #added = 0;
  #sample;

  constructor(objects) {
    const width = 2 ** Math.ceil(Math.log2(Math.max(64, objects)));
    this.#mask = width - 1;
    this.#counters = Array.from({ length: 4 }, () => new Uint8Array(width));
    this.#sample = 10 * objects;
  }

  add(hash) {
    for (let row = 0; row < 4; row += 1) {
      const at = this.#at(hash, row);
      if (this.#counters[row][at] < 15) this.#counters[row][at] += 1;
    }
    this.#added += 1;
    if (this.#added < this.#sample) return;
    this.#added /= 2;
    for (const row of this.#counters) for (let at = 0; at < row.length; at += 1) row[at] >>= 1;
  }

  of(hash) {
    let least = 15;
    for (let row = 0; row < 4; row += 1) least = Math.min(least, this.#counters[row][this.#at(hash, row)]);
    return least;
  }

  #at(hash, row) {
    const mixed = Math.imul(hash ^ (row * 0x9e3779b9), 0x85ebca6b);
    return ((mixed ^ (mixed >>> 15)) >>> 0) & this.#mask;
  }
}

function hashOf(name) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash | 0;
}

/** W-TinyLFU: a window of 1%, then SLRU, entered only by what was asked for more often than all that would have to go for it. */
export class WTinyLfu {
  #window = new Map();
  #windowList = new Linked();
  #main;
  #sketch;

  constructor(bytesMax, { window = 0.01, meanBytes = 400_000 } = {}) {
    // A window that holds no object at all would be none.
    this.windowMax = Math.max(window * bytesMax, 2 * 1024 * 1024);
    this.#main = new Slru(bytesMax - this.windowMax);
    this.#sketch = new FrequencySketch(Math.ceil((4 * bytesMax) / meanBytes));
  }

  get bytes() {
    return this.#windowList.bytes + this.#main.bytes;
  }

  get(name) {
    this.#sketch.add(hashOf(name));
    const item = this.#window.get(name);
    if (item === undefined) return this.#main.get(name);
    this.#windowList.refresh(item);
    return true;
  }

  set(name, bytes) {
    const item = { name, bytes };
    this.#window.set(name, item);
    this.#windowList.add(item);
    while (this.#windowList.bytes > this.windowMax) {
      const { oldest } = this.#windowList;
      this.#windowList.remove(oldest);
      this.#window.delete(oldest.name);
      this.#admit(oldest);
    }
  }

  /** Against the victims one by one, and those that lost count together ("aggregated victims"). */
  #admit({ name, bytes }) {
    const main = this.#main;
    const free = main.bytesMax - main.bytes;
    const victims = [];
    let freed = free;
    let worth = 0;
    const own = this.#sketch.of(hashOf(name));
    for (let victim = main.victim; freed < bytes; victim = victim.list.after(victim)) {
      if (victim === null) return;
      worth += this.#sketch.of(hashOf(victim.name));
      if (worth >= own) {
        // The first in line has had its turn: others are looked at next time.
        main.get(main.victim.name);
        return;
      }
      victims.push(victim);
      freed += victim.bytes;
    }
    for (const victim of victims) main.evict(victim);
    main.add(name, bytes);
  }
}
