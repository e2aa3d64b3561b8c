// Eviction policies without any memory of what left, to compare with the product's own: `get` says whether it is there, and counts as a use; `set` puts it in.
import { Linked } from './linked.mjs';

export class Lru {
  #items = new Map();
  #list = new Linked();

  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes() {
    return this.#list.bytes;
  }

  get(name) {
    const item = this.#items.get(name);
    if (item === undefined) return false;
    this.#list.refresh(item);
    return true;
  }

  set(name, bytes) {
    while (this.#list.bytes + bytes > this.bytesMax) {
      const { oldest } = this.#list;
      this.#list.remove(oldest);
      this.#items.delete(oldest.name);
    }
    const item = { name, bytes };
    this.#items.set(name, item);
    this.#list.add(item);
  }
}

/** Segmented: what is used a second time moves into a protected part of 80%. */
export class Slru {
  #items = new Map();
  #probation = new Linked();
  #protected = new Linked();

  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes() {
    return this.#probation.bytes + this.#protected.bytes;
  }

  get(name) {
    const item = this.#items.get(name);
    if (item === undefined) return false;
    item.list.remove(item);
    this.#protected.add(item);
    while (this.#protected.bytes > 0.8 * this.bytesMax) {
      const { oldest } = this.#protected;
      this.#protected.remove(oldest);
      this.#probation.add(oldest);
    }
    return true;
  }

  /** What goes next. */
  get victim() {
    return this.#probation.oldest ?? this.#protected.oldest;
  }

  evict(item) {
    item.list.remove(item);
    this.#items.delete(item.name);
  }

  add(name, bytes) {
    const item = { name, bytes };
    this.#items.set(name, item);
    this.#probation.add(item);
  }

  set(name, bytes) {
    while (this.bytes + bytes > this.bytesMax) this.evict(this.victim);
    this.add(name, bytes);
  }
}

/** One queue, a mark for each use, and a hand that goes from the oldest on and takes what has none. */
export class Sieve {
  #items = new Map();
  #list = new Linked();
  #hand = null;

  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes() {
    return this.#list.bytes;
  }

  get(name) {
    const item = this.#items.get(name);
    if (item === undefined) return false;
    item.used = true;
    return true;
  }

  set(name, bytes) {
    while (this.#list.bytes + bytes > this.bytesMax) this.#evict();
    const item = { name, bytes, used: false };
    this.#items.set(name, item);
    this.#list.add(item);
  }

  #evict() {
    let item = this.#hand ?? this.#list.oldest;
    while (item.used) {
      item.used = false;
      item = this.#list.after(item) ?? this.#list.oldest;
    }
    this.#hand = this.#list.after(item);
    this.#list.remove(item);
    this.#items.delete(item.name);
  }
}
