/**
 * One feed of a broadcast, as ingest writes it: handed on to whoever transcodes now, and remembered back to a key, so that
 * a receiver that dies is replaced without the publisher's doing and without a picture lost.
 *
 * Lifetime: open → (source described, where that was asked for) → receivers come and go: `attach` gives one everything from
 * a remembered key on, then what comes; `detach` when it is gone → `end` by ingest, or destroyed by either side. While
 * nobody receives, what comes is taken and remembered; it is bounded by `REMEMBERED_BYTES_MAX`, past which the oldest goes.
 */
import { Writable } from 'node:stream';
import { messageOf } from '../../telemetry/failure.js';
import { transcodeFailure } from '../transcode-failure.js';
import { KeyIntervals } from './key-intervals.js';
import { type FeedItem, type HeadItem, MatroskaReader } from './matroska-reader.js';
import type { SourceTrack } from './matroska-tracks.js';
import { RememberedFeed } from './remembered-feed.js';

/** Whoever turns the feed into fragments. */
export interface FeedReceiver {
  take(items: readonly FeedItem[]): void;
  /** It holds more than it wants; `drained` says when that is over. */
  readonly full: boolean;
  drained(): Promise<void>;
  /** No more will come: hand out what is held. */
  finish(): void;
}

export interface SourceDescription {
  readonly tracks: readonly SourceTrack[];
  /** The longest distance of two video keys seen so far, ms; null where fewer than two were. */
  readonly keyIntervalMs: number | null;
}

export interface LiveFeedOptions {
  /** Whether `onDescribed` is of interest, and whether it is to wait for a second key. */
  readonly describe: 'no' | 'tracks' | 'keys';
  readonly onDescribed: (source: SourceDescription) => void;
  /** How far back to remember at least, ms; a whole number of groups is. */
  readonly rememberMs: number;
}

/** Ingest pauses its publisher above this; a group of pictures in a burst is no reason to. */
const HELD_BYTES_MAX = 512 * 1024;
/** A key that has not come by now does not come; the source is then described without. */
const KEY_WAIT_MS = 4_600;

export class LiveFeed extends Writable {
  readonly #options: LiveFeedOptions;
  readonly #reader = new MatroskaReader();
  readonly #remembered: RememberedFeed;
  readonly #intervals = new KeyIntervals();
  #head: HeadItem | null = null;
  #described: boolean;
  #receiver: FeedReceiver | null = null;
  #over = false;

  constructor(options: LiveFeedOptions) {
    super({ highWaterMark: HELD_BYTES_MAX, decodeStrings: true });
    this.#options = options;
    this.#described = options.describe === 'no';
    this.#remembered = new RememberedFeed(options.rememberMs);
    this.on('error', () => {});
  }

  /** No more comes from ingest. */
  get over(): boolean {
    return this.#over;
  }

  /** The key at which a receiver that attaches with the same `fromMs` begins, ms of the timeline; null: it has yet to come. */
  keyAt(fromMs: number | null): number | null {
    return this.#remembered.since(fromMs)?.keyMs ?? null;
  }

  /**
   * From now on the feed goes to this receiver: first what is remembered from the last key at or before `fromMs` on (null:
   * all of it), then what comes. With nothing to begin at, it begins at the next key.
   */
  attach(receiver: FeedReceiver, fromMs: number | null): void {
    this.#receiver = receiver;
    const start = this.#remembered.since(fromMs);
    const head = this.#head === null ? [] : [this.#head];
    receiver.take([...head, ...(start?.items ?? [])]);
    if (this.#over) receiver.finish();
  }

  detach(receiver: FeedReceiver): void {
    if (this.#receiver === receiver) this.#receiver = null;
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take([piece], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#close();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close();
    done(error);
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#describe();
    this.#receiver?.finish();
  }

  #take(pieces: readonly Buffer[], done: (error?: Error | null) => void): void {
    try {
      const items = pieces.flatMap((piece) => this.#reader.push(piece));
      for (const item of items) this.#note(item);
      this.#receiver?.take(items);
      // Only now: who attaches gets these from memory.
      if (this.#isDescribed()) this.#describe();
    } catch (error) {
      const hint = 'This is a fault in ingest: report it.';
      done(transcodeFailure('transcode.bad-feed', `the feed cannot be read: ${messageOf(error)}`, hint));
      return;
    }
    if (this.#receiver?.full) this.#receiver.drained().then(() => done());
    else done();
  }

  #note(item: FeedItem): void {
    if (item.kind === 'head') this.#head = item;
    else this.#remembered.add(item);
    if (item.kind === 'block') this.#intervals.add(item);
  }

  #isDescribed(): boolean {
    if (this.#described || this.#head === null) return false;
    const { longestMs, runMs } = this.#intervals;
    return this.#options.describe === 'tracks' || longestMs !== null || runMs > KEY_WAIT_MS;
  }

  #describe(): void {
    if (this.#described) return;
    this.#described = true;
    this.#options.onDescribed({ tracks: this.#head?.tracks ?? [], keyIntervalMs: this.#intervals.longestMs });
  }
}
