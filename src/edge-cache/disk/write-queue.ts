/**
 * What is to be written to one disk, in order. Bounded: objects by their bytes; removals, which must not get lost, by count.
 *
 * Lives as long as its disk; while that cannot be written, removals wait here.
 */
import { hashKey, type NameHash } from './name-hash.js';
import { headerBytes, type RecordKind } from './record.js';

/** A record to be. */
export interface Draft {
  readonly kind: RecordKind;
  readonly hash: NameHash;
  readonly name: string;
  readonly head: string;
  readonly freshUntilSec: number;
  readonly bodyBytes: number;
  /** Null once its memory was needed for something else. */
  body(): Uint8Array | null;
  /** Called once: it is written, or will not be. */
  settled(): void;
}

const removalsMax = 50_000;

function removalOf(hash: NameHash): Draft {
  return {
    ...{ kind: 'removal', hash, name: '', head: '', freshUntilSec: 0, bodyBytes: 0 },
    body: () => empty,
    settled: () => undefined,
  };
}
const empty = new Uint8Array(0);

export class WriteQueue {
  readonly #bytesMax: number;
  readonly #objects = new Map<string, Draft>();
  readonly #removals = new Map<string, Draft>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#objects.size + this.#removals.size === 0;
  }

  /** In place of what waited under its name. False: there is no room. */
  push(draft: Draft): boolean {
    const bytes = bytesOf(draft);
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.cancel(draft.hash);
    this.#bytes += bytes;
    this.#objects.set(hashKey(draft.hash), draft);
    return true;
  }

  /** False: there are too many of them. */
  pushRemoval(hash: NameHash): boolean {
    this.cancel(hash);
    this.#removals.set(hashKey(hash), removalOf(hash));
    return this.#removals.size <= removalsMax;
  }

  /** An object that waits is not to be written any more. Whether there was one. */
  cancel(hash: NameHash): boolean {
    const draft = this.#objects.get(hashKey(hash));
    if (draft !== undefined) this.#leave(draft).settled();
    return draft !== undefined;
  }

  /** The next to be written: removals first, for what is put again after its removal must come behind it. */
  take(bytesMax: number): Draft[] {
    const taken = [...this.#removals.values()];
    this.#removals.clear();
    let bytes = 0;
    for (const draft of this.#objects.values()) {
      if (bytes > 0 && bytes + bytesOf(draft) > bytesMax) break;
      bytes += bytesOf(draft);
      taken.push(this.#leave(draft));
    }
    return taken;
  }

  /** All objects that wait; removals stay. */
  takeObjects(): Draft[] {
    return [...this.#objects.values()].map((draft) => this.#leave(draft));
  }

  clear(): void {
    for (const draft of this.takeObjects()) draft.settled();
    this.#removals.clear();
  }

  /** What is still to be removed. */
  removals(): NameHash[] {
    return [...this.#removals.values()].map(({ hash }) => hash);
  }

  #leave(draft: Draft): Draft {
    this.#objects.delete(hashKey(draft.hash));
    this.#bytes -= bytesOf(draft);
    return draft;
  }
}

const bytesOf = ({ bodyBytes, head, name }: Draft): number => bodyBytes + head.length + name.length + headerBytes;
