/** Greedy-Dual-Size-Frequency: uses per byte, aged by what was evicted last. A heap: not O(1). */
export class Gdsf {
  #items = new Map();
  #heap = [];
  #clock = 0;
  #bytes = 0;

  constructor(bytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes() {
    return this.#bytes;
  }

  get(name) {
    const item = this.#items.get(name);
    if (item === undefined) return false;
    item.uses += 1;
    item.worth = this.#clock + item.uses / item.bytes;
    this.#sink(item.at);
    return true;
  }

  set(name, bytes) {
    while (this.#bytes + bytes > this.bytesMax) this.#evict();
    const item = { name, bytes, uses: 1, worth: this.#clock + 1 / bytes, at: this.#heap.length };
    this.#items.set(name, item);
    this.#heap.push(item);
    this.#bytes += bytes;
    this.#rise(item.at);
  }

  #evict() {
    const [least] = this.#heap;
    const last = this.#heap.pop();
    if (last !== least) {
      this.#place(last, 0);
      this.#sink(0);
    }
    this.#clock = least.worth;
    this.#items.delete(least.name);
    this.#bytes -= least.bytes;
  }

  #place(item, at) {
    this.#heap[at] = item;
    item.at = at;
  }

  #rise(from) {
    const item = this.#heap[from];
    let at = from;
    for (let above = (at - 1) >> 1; at > 0 && this.#heap[above].worth > item.worth; above = (at - 1) >> 1) {
      this.#place(this.#heap[above], at);
      at = above;
    }
    this.#place(item, at);
  }

  #sink(from) {
    const item = this.#heap[from];
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#heap.length) break;
      if (below + 1 < this.#heap.length && this.#heap[below + 1].worth < this.#heap[below].worth) below += 1;
      if (this.#heap[below].worth >= item.worth) break;
      this.#place(this.#heap[below], at);
      at = below;
    }
    this.#place(item, at);
  }
}
