import { OriginFailure } from './failure.js';
import type { ObjectFacts, Objects, ReadableObject } from './object-reader.js';

/** An object's bytes where they are few, else the way to them. */
export type ShieldedObject =
  | { readonly kind: 'bytes'; readonly facts: ObjectFacts; readonly bytes: Buffer }
  | {
      readonly kind: 'stream';
      readonly facts: ObjectFacts;
      readonly open: (range?: {
        start: number;
        end: number;
      }) => Promise<{ object: ReadableObject; release: () => void } | null>;
    };

export interface ShieldOptions {
  readonly objects: Objects;
  /** Objects up to this size are read once for all who ask meanwhile; larger ones are streamed to each. */
  readonly sharedBytesMax?: number;
  /** Reads of the store at once. */
  readonly readsMax?: number;
  /** Requests that wait for a read to be free; more are refused with `origin.busy`. */
  readonly waitingMax?: number;
}

/**
 * Stands between the requests and a store: one read at a time for each object that many ask for, and no more than
 * `readsMax` reads in all, so that a rush on the edge is never a rush on the store.
 */
export class Shield {
  readonly #objects: Objects;
  readonly #sharedBytesMax: number;
  readonly #readsMax: number;
  readonly #waitingMax: number;
  readonly #reading = new Map<string, Promise<ShieldedObject | null>>();
  readonly #waiting: (() => void)[] = [];
  #reads = 0;

  constructor(options: ShieldOptions) {
    this.#objects = options.objects;
    this.#sharedBytesMax = options.sharedBytesMax ?? 8 * 1024 * 1024;
    this.#readsMax = options.readsMax ?? 32;
    this.#waitingMax = options.waitingMax ?? 1024;
  }

  /** Null when there is no such object. Throws `origin.busy` when too many wait. */
  read(key: string): Promise<ShieldedObject | null> {
    const underway = this.#reading.get(key);
    if (underway !== undefined) return underway;
    const reading = this.#readOnce(key).finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  async #readOnce(key: string): Promise<ShieldedObject | null> {
    const release = await this.#enter();
    try {
      const facts = await this.#objects.head(key);
      if (facts === null) return null;
      if (facts.size > this.#sharedBytesMax) return { kind: 'stream', facts, open: (range) => this.#open(key, range) };
      const object = await this.#objects.get(key);
      if (object === null) return null;
      const pieces: Buffer[] = [];
      for await (const piece of object.body as AsyncIterable<Buffer>) pieces.push(piece);
      return { kind: 'bytes', facts: object, bytes: Buffer.concat(pieces) };
    } finally {
      release();
    }
  }

  async #open(key: string, range?: { start: number; end: number }) {
    const release = await this.#enter();
    try {
      const object = await this.#objects.get(key, range);
      if (object !== null) return { object, release };
    } catch (error) {
      release();
      throw error;
    }
    release();
    return null;
  }

  /** Takes a place among the reads; the function that comes back gives it up, once. */
  async #enter(): Promise<() => void> {
    if (this.#reads >= this.#readsMax) await this.#queue();
    else this.#reads += 1;
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  #queue(): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new OriginFailure('origin.busy', 'too many requests wait for the store', {
        hint: 'The store is slower than its viewers ask. Look at its disk, or give the edge more memory.',
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A place given up goes straight to whoever waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#reads -= 1;
    else next();
  }
}
