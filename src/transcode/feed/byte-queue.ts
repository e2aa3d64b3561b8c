/** Bytes that came in pieces of any size and leave in pieces of their own; copies only what must be in one piece. */
export class ByteQueue {
  #pieces: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The first `count` bytes (or all there are) in one piece; they stay. */
  peek(count: number): Buffer {
    const first = this.#pieces[0];
    if (first === undefined) return NOTHING;
    if (first.length >= count || this.#pieces.length === 1) return first.subarray(0, count);
    const gathered: Buffer[] = [];
    let size = 0;
    for (const piece of this.#pieces) {
      if (size >= count) break;
      gathered.push(piece.subarray(0, count - size));
      size += piece.length;
    }
    return Buffer.concat(gathered);
  }

  /** Takes `count` bytes away, as they came. There must be so many. */
  take(count: number): Buffer[] {
    const taken: Buffer[] = [];
    let missing = count;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (missing === 0 || piece.length > missing) break;
      taken.push(piece);
      missing -= piece.length;
      whole += 1;
    }
    if (whole > 0) this.#pieces.splice(0, whole);
    const rest = this.#pieces[0];
    if (missing > 0 && rest !== undefined) {
      taken.push(rest.subarray(0, missing));
      this.#pieces[0] = rest.subarray(missing);
    }
    this.#length -= count;
    return taken;
  }
}

const NOTHING = Buffer.alloc(0);
