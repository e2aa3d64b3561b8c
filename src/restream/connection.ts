import type { Writable } from 'node:stream';
import type { Sender, SenderEnd } from './sender.js';

/** Bytes that may wait for a target: some seconds of any picture. Above it, frames are left out up to a key. */
const QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** In so small steps that a slow target is seen to take some. */
const WRITE_BYTES_MAX = 64 * 1024;
const TAKES_NOTHING_MS = 10_000;
/** A longer time between two ticks was ours, not the target's. */
const TICK_MS_MAX = 1_000;
const CONNECT_MS = 20_000;
const GOODBYE_MS = 5_000;
/** Over so many ticks the rate is measured. */
const RATE_TICKS = 20;

/**
 * One connection to a target: a process, what waits for it, and whether it still takes anything.
 *
 * Lifetime: the process runs from before construction; `take` gives it frames until `finish` (it says goodbye, within
 * `GOODBYE_MS`) or until it ends, which `done` tells. `tick` must be called a few times a second until then: it cuts a process that
 * has stopped taking bytes.
 */
export class Connection {
  readonly done: Promise<SenderEnd>;
  readonly #sender: Sender;
  readonly #startedAt: number;
  #sendingSince: number | null = null;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #takenBytes = 0;
  #writing = false;
  /** For how long it has taken nothing of what waits, ms. */
  #stalledMs = 0;
  #tickedAt: number;
  #waitsForKey = false;
  #finishAt: number | null = null;
  #rate: { readonly at: number; readonly bytes: number }[] = [];
  #cutReason: string | null = null;

  constructor(sender: Sender, now: number) {
    this.#sender = sender;
    this.#startedAt = now;
    this.#tickedAt = now;
    this.done = sender.done;
    sender.input?.on('error', () => {});
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Why it was cut by us; null where it was not. */
  get cutReason(): string | null {
    return this.#cutReason;
  }

  get sendingSince(): number | null {
    return this.#sendingSince;
  }

  /** The target has taken media. */
  sending(now: number): void {
    this.#sendingSince ??= now;
  }

  /** Bits per second over the last seconds; null before there are any. */
  get bitrate(): number | null {
    const [first, last] = [this.#rate.at(0), this.#rate.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return null;
    return Math.round(((last.bytes - first.bytes) * 8000) / (last.at - first.at));
  }

  /** What is to come does not follow on what came: it goes on at the next place where one can begin. */
  skipToKey(): void {
    this.#waitsForKey = true;
  }

  /** `opens`: one can begin there. Answers whether the frame was taken; it is left out while too much waits. */
  take(pieces: readonly Buffer[], opens: boolean): boolean {
    if (this.#finishAt !== null) return true;
    if (this.#queuedBytes > QUEUE_BYTES_MAX) this.#waitsForKey = true;
    if (this.#waitsForKey && !(opens && this.#queuedBytes <= QUEUE_BYTES_MAX / 2)) return false;
    this.#waitsForKey = false;
    this.put(pieces);
    return true;
  }

  /** As `take`, without a bound: for a header. */
  put(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#queue.push(piece);
      this.#queuedBytes += piece.length;
    }
    this.#pump();
  }

  finish(now: number): void {
    if (this.#finishAt !== null) return;
    this.#finishAt = now + GOODBYE_MS;
    this.#pump();
  }

  /** Ends the process at once. */
  cut(reason: string): void {
    this.#cutReason ??= reason;
    this.#sender.kill();
  }

  tick(now: number): void {
    this.#rate.push({ at: now, bytes: this.#takenBytes });
    if (this.#rate.length > RATE_TICKS) this.#rate.shift();
    const stands = this.#rate.at(-2)?.bytes === this.#takenBytes && this.#queuedBytes > 0;
    this.#stalledMs = stands ? this.#stalledMs + Math.min(TICK_MS_MAX, now - this.#tickedAt) : 0;
    this.#tickedAt = now;
    if (this.#cutReason !== null) return;
    if (this.#finishAt !== null && now >= this.#finishAt) this.cut('it did not say goodbye in time');
    else if (this.#stalledMs >= TAKES_NOTHING_MS) this.cut(`the target took nothing for ${TAKES_NOTHING_MS / 1000} s`);
    else if (this.#sendingSince === null && this.#takenBytes > 0 && now - this.#startedAt >= CONNECT_MS) {
      this.cut(`the target did not take the stream within ${CONNECT_MS / 1000} s`);
    }
  }

  #pump(): void {
    const { input } = this.#sender;
    if (input === null || input.destroyed || this.#writing) return;
    if (this.#queue.length === 0) {
      if (this.#finishAt !== null && !input.writableEnded) input.end();
      return;
    }
    this.#write(input, this.#next());
  }

  #write(input: Writable, pieces: readonly Buffer[]): void {
    this.#writing = true;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const written = (error?: Error | null) => {
      this.#writing = false;
      if (error) return;
      this.#queuedBytes -= bytes;
      this.#takenBytes += bytes;
      this.#pump();
    };
    input.cork();
    for (const piece of pieces.slice(0, -1)) input.write(piece);
    input.write(pieces.at(-1) ?? Buffer.alloc(0), written);
    input.uncork();
  }

  /** Up to `WRITE_BYTES_MAX` from the head of the queue; a longer piece is cut. */
  #next(): Buffer[] {
    const pieces: Buffer[] = [];
    let room = WRITE_BYTES_MAX;
    let count = 0;
    for (const piece of this.#queue) {
      if (room === 0) break;
      pieces.push(piece.subarray(0, room));
      if (piece.length > room) {
        this.#queue[count] = piece.subarray(room);
        break;
      }
      room -= piece.length;
      count += 1;
    }
    this.#queue.splice(0, count);
    return pieces;
  }
}
