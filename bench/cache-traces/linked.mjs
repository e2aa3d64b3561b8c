/** A list with a weight in bytes; `oldest` is what was added first. */
export class Linked {
  // Circular: the end's `newer` is the oldest, its `older` the newest.
  end = { older: null, newer: null };
  bytes = 0;

  constructor() {
    this.end.older = this.end;
    this.end.newer = this.end;
  }

  get oldest() {
    return this.after(this.end);
  }

  /** The next newer one, or null. */
  after(item) {
    return item.newer === this.end ? null : item.newer;
  }

  add(item) {
    item.list = this;
    item.older = this.end.older;
    item.newer = this.end;
    this.end.older.newer = item;
    this.end.older = item;
    this.bytes += item.bytes;
  }

  remove(item) {
    item.older.newer = item.newer;
    item.newer.older = item.older;
    this.bytes -= item.bytes;
  }

  refresh(item) {
    this.remove(item);
    this.add(item);
  }
}
