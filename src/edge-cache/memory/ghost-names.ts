/**
 * Names that were evicted not long ago, with the bytes that they had; the oldest are forgotten first.
 *
 * Kept as hashes of 32 bits: some 40 bytes each, however long the name. Two names with one hash let a stranger in, which costs
 * nothing but room for a while.
 */
export class GhostNames {
  /** In the order in which they came. */
  readonly #bytesByHash = new Map<number, number>();
  #bytes = 0;

  get count(): number {
    return this.#bytesByHash.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(name: string, bytes: number): void {
    const hash = hashOf(name);
    this.#forget(hash);
    this.#bytesByHash.set(hash, bytes);
    this.#bytes += bytes;
  }

  /** Whether it is known; it no longer is then. */
  take(name: string): boolean {
    return this.#forget(hashOf(name));
  }

  /** Until there are at most so many, of at most so many bytes. */
  shrinkTo(countMax: number, bytesMax: number): void {
    for (const hash of this.#bytesByHash.keys()) {
      if (this.#bytesByHash.size <= countMax && this.#bytes <= bytesMax) return;
      this.#forget(hash);
    }
  }

  #forget(hash: number): boolean {
    const bytes = this.#bytesByHash.get(hash);
    if (bytes === undefined) return false;
    this.#bytes -= bytes;
    return this.#bytesByHash.delete(hash);
  }
}

/** FNV-1a over UTF-16 units; a small integer to V8, which a Map holds in place. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash | 0;
}
