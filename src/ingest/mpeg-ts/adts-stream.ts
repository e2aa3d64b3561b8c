import { readAdts } from '../adts.js';
import { AudioClock } from './audio-clock.js';
import { type ElementaryStream, type StreamOutput, TIMESCALE } from './elementary-stream.js';

/** Samples of one AAC access unit; ADTS knows no other length. */
const SAMPLES = 1024;
/** Of an ADTS header without CRC. */
const HEADER_BYTES = 7;

/**
 * AAC in ADTS: one frame for each access unit, which may begin in one PES packet and end in the next.
 *
 * Lifetime: as long as the PMT lists the stream. Keeps one unfinished ADTS frame at most.
 */
export class AdtsStream implements ElementaryStream {
  readonly #output: StreamOutput;
  readonly #clock = new AudioClock();
  #rest: Buffer = Buffer.alloc(0);
  #config: Buffer | null = null;

  constructor(output: StreamOutput) {
    this.#output = output;
  }

  unit(payload: Buffer, pts: number | null): void {
    const begun = this.#rest.length;
    const bytes = Buffer.concat([this.#rest, payload]);
    const run = readAdts(bytes);
    this.#rest = run?.rest ?? Buffer.alloc(0);
    if (begun === 0 && pts !== null) this.#clock.set(pts);
    if (run === null) return;
    this.#configure(run.config);
    let placed = begun === 0;
    for (const data of run.frames) {
      // §2.4.3.7: a time belongs to the first frame that begins in the packet, not to one that ends in it.
      if (!placed && pts !== null && data.byteOffset - bytes.byteOffset - HEADER_BYTES >= begun) {
        this.#clock.set(pts);
        placed = true;
      }
      const time = this.#clock.take(SAMPLES, run.sampleRate);
      if (time === null) continue;
      const times = { dts: time, pts: time, timescale: TIMESCALE };
      this.#output.onFrame({ track: 'audio', codec: 'aac', ...times, key: true, data });
    }
    if (!placed && pts !== null) this.#clock.set(pts);
  }

  lost(): void {
    this.#rest = Buffer.alloc(0);
    this.#clock.forget();
  }

  #configure(config: Buffer): void {
    if (this.#config?.equals(config) === true) return;
    this.#config = config;
    this.#output.onConfig({ track: 'audio', codec: 'aac', data: config });
  }
}
