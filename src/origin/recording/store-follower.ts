import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Objects } from '../object-reader.js';
import { storeKey } from './recorded-objects.js';
import { headerKey, type Recording, type StoreStep, segmentKey } from './recording.js';
import type { RecordingStore } from './recording-store.js';

/** The box's own record of what was announced, as far as it is read from here. */
export interface SpooledObjects extends Objects {
  /** The file of a key that `head` knows. */
  pathOf(key: string): string;
}

export interface StoreFollowerOptions {
  readonly store: RecordingStore;
  readonly spool: SpooledObjects;
  /** What memory has under a key of the spool; the spool may have failed to take it. */
  readonly held: (key: string) => Buffer | null;
  /** Those that are not finished. */
  readonly recordings: () => Iterable<Recording>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The first pause after a failure; each that follows is twice as long, up to 30 times this. Default 1 s. */
  readonly pauseMs?: number;
}

/** Objects on their way into the store at once. */
const CONCURRENCY = 4;
/** A put that takes longer is given up, and tried again. */
const PUT_TIMEOUT_MS = 60_000;
const PAUSE_MS = 1000;
const PAUSES_MAX = 30;

/**
 * Puts what was announced into the store, each track in its order, a few at once. It reads from the spool (else from memory)
 * and holds nothing itself, so that all it ever owes is what the spool still has, and nobody waits for it.
 *
 * Life: `look` whenever there may be something to do → `close`. A failure of the store puts all of it aside for a while.
 */
export class StoreFollower {
  readonly #options: StoreFollowerOptions;
  readonly #underway = new Map<StoreStep['track'], Promise<void>>();
  readonly #closing = new AbortController();
  readonly #bytes;
  readonly #failures;
  readonly #lost;
  #pauses = 0;
  #timer: NodeJS.Timeout | null = null;
  #listeners: (() => void)[] = [];

  constructor(options: StoreFollowerOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#bytes = metrics.counter(
      'origin_recording_stored_bytes_total',
      'Bytes of live media put into the object store.',
    );
    this.#failures = metrics.counter(
      'origin_recording_failures_total',
      'Tries that failed to put live media into the object store. They are repeated: free space in the store, or bring it back, before the spool is full.',
    );
    this.#lost = metrics.counter(
      'origin_recording_lost_segments_total',
      'Announced segments that were gone from spool and memory before the store took them: holes in DVR and archive. Give live.spoolBytesMax more room, or the store more speed.',
    );
  }

  /** Starts what can be started. */
  look(): void {
    if (this.#timer !== null || this.#closing.signal.aborted) return;
    for (const recording of this.#options.recordings()) {
      if (recording.policy === null || !recording.wanted) continue;
      for (const step of recording.steps()) {
        if (this.#underway.size >= CONCURRENCY) return;
        if (!this.#underway.has(step.track)) this.#start(step);
      }
    }
  }

  /** Resolves when all that a recording has announced is stored, or known to be lost; or this is closed. */
  async caughtUp(recording: Recording): Promise<void> {
    while (recording.steps().length > 0 && !this.#closing.signal.aborted) {
      const progress = new Promise<void>((resolve) => this.#listeners.push(resolve));
      this.look();
      await progress;
    }
  }

  /** Puts one thing there again, whatever is believed of it. False: it is nowhere any more. */
  async putAgain(key: string): Promise<boolean> {
    return (await this.#put(key)) !== null;
  }

  /** Gives up what is under way; it is found again at the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the box stops'));
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wake();
    await Promise.all(this.#underway.values());
  }

  #start(step: StoreStep): void {
    const work = this.#take(step)
      .then(() => {
        this.#pauses = 0;
      })
      .catch((error: unknown) => this.#pause(step.recording, error))
      .finally(() => {
        this.#underway.delete(step.track);
        this.#wake();
        this.look();
      });
    this.#underway.set(step.track, work);
  }

  async #take(step: StoreStep): Promise<void> {
    const { recording, track, run, number } = step;
    if (!recording.hasHeader(track)) {
      if (!(await this.#ensure(recording, headerKey(recording, track, run), null))) return this.#gone(step);
      recording.headerStored(track);
    }
    const bytes = track.segments.at(number)?.bytes ?? null;
    if (!(await this.#ensure(recording, segmentKey(recording, track, number), bytes))) return this.#gone(step);
    recording.stored(step);
  }

  #gone(step: StoreStep): void {
    this.#lost.inc();
    step.recording.gone(step);
    const { broadcastId, index } = step.recording;
    const facts = { broadcast: broadcastId, channel: index.channel, rendition: step.track.rendition.id };
    this.#options.log.warn({ ...facts, number: step.number }, 'a segment was lost before it was stored');
  }

  /** False: it is nowhere. After a start the store may have it already. */
  async #ensure({ recovered }: Recording, key: string, bytes: number | null): Promise<boolean> {
    if (recovered) {
      const facts = await this.#options.store.head(storeKey(key));
      if (facts !== null && (bytes === null ? facts.size > 0 : facts.size === bytes)) return true;
    }
    const size = await this.#put(key);
    if (size !== null) this.#bytes.inc(size);
    return size !== null;
  }

  async #put(key: string): Promise<number | null> {
    const { store, spool, held } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PUT_TIMEOUT_MS)]);
    const target = storeKey(key);
    if ((await spool.head(key)) !== null) {
      if (store.putFile !== undefined) return (await store.putFile(target, spool.pathOf(key), { signal })).size;
      const spooled = await spool.get(key);
      if (spooled !== null) return (await store.put(target, spooled.body, { signal })).size;
    }
    const bytes = held(key);
    return bytes && (await store.put(target, bytes, { signal })).size;
  }

  #pause({ broadcastId, index }: Recording, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#failures.inc();
    const pauseMs = (this.#options.pauseMs ?? PAUSE_MS) * Math.min(PAUSES_MAX, 2 ** this.#pauses);
    const facts = { broadcast: broadcastId, channel: index.channel, error: messageOf(error), againInMs: pauseMs };
    const hint = 'Live goes on, and the spool keeps what is not stored. Free space in the store, or bring it back.';
    this.#options.log.warn({ ...facts, hint }, 'live media could not be stored');
    if (this.#timer !== null) return;
    this.#pauses += 1;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.look();
    }, pauseMs);
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
