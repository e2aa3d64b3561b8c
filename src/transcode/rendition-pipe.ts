/**
 * Carries one rendition's bytes from ffmpeg's pipe to its sink, without copying.
 *
 * Lifetime: holding (until the sink is known: the pipe is paused, and what had already been read is kept, at most what
 * the kernel's buffer and one read hold) → `attach` → forwarding, pausing ffmpeg's pipe while the sink is full →
 * `flush` after the pipe has ended → `close`. A sink that fails is reported once; what still comes is then dropped.
 */
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const NOTHING = Buffer.alloc(0);

export class RenditionPipe {
  readonly #output: Readable;
  readonly #held: Buffer[] = [];
  #sink: Writable | null = null;
  #failed = false;
  #bytes = 0;

  constructor(output: Readable, onFirstBytes: () => void) {
    this.#output = output;
    // ffmpeg's death is told by its outcome.
    output.on('error', () => {});
    output.on('data', (chunk: Buffer) => {
      if (this.#bytes === 0) onFirstBytes();
      this.#bytes += chunk.length;
      this.#take(chunk);
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The sink has more than it wants and ffmpeg waits for it. */
  get blocked(): boolean {
    return this.#sink?.writableNeedDrain === true;
  }

  attach(sink: Writable, onFailure: (error: Error) => void): void {
    this.#sink = sink;
    finished(sink).catch((error: Error) => {
      this.#failed = true;
      this.#output.resume();
      onFailure(error);
    });
    for (const chunk of this.#held.splice(0)) sink.write(chunk);
    this.#resumeWhenDrained(sink);
  }

  /** Waits until the sink has taken everything, at most `timeoutMs`; then it is destroyed. */
  async flush(timeoutMs: number): Promise<void> {
    const sink = this.#sink;
    if (sink === null || this.#failed) return;
    const taken = new Promise<boolean>((resolve) => {
      sink.write(NOTHING, () => resolve(true));
    });
    const giveUp = new AbortController();
    const late = sleep(timeoutMs, false, { signal: giveUp.signal }).catch(() => false);
    if (!(await Promise.race([taken, late]))) sink.destroy();
    giveUp.abort();
  }

  /** The run's end has been told: nothing more goes to the sink. */
  close(): void {
    if (this.#sink?.destroyed === false) this.#sink.end();
  }

  #take(chunk: Buffer): void {
    if (this.#failed) return;
    if (this.#sink === null) {
      this.#held.push(chunk);
      this.#output.pause();
    } else if (!this.#sink.write(chunk)) {
      this.#output.pause();
      this.#resumeWhenDrained(this.#sink);
    }
  }

  #resumeWhenDrained(sink: Writable): void {
    if (!sink.writableNeedDrain) this.#output.resume();
    else sink.once('drain', () => this.#output.resume());
  }
}
