import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlockItem } from '../feed/matroska-reader.js';
import type { SourceTrack } from '../feed/matroska-tracks.js';
import type { PartLength } from '../part-length.js';
import { readAacShape } from './aac-shape.js';
import { AudioSamples } from './audio-samples.js';
import { writeCmafFragment } from './cmaf-fragment.js';
import { type PassedTrack, writeCmafHeader } from './cmaf-header.js';
import { type TimedSamples, VideoSamples } from './video-samples.js';

/** MPEG's own clock: milliseconds are whole numbers of its ticks. */
const VIDEO_TIMESCALE = 90_000;
/** How long the sink may take over its last bytes. */
const FINISH_MS = 5_000;

/** One track's way from blocks to fragments. Lives as long as its run; its header is written at once. */
export class PassedLane {
  readonly #kind: SourceTrack['kind'];
  readonly #sink: Writable;
  readonly #samples: VideoSamples | AudioSamples;
  readonly #offset: number;
  #sequence = 0;
  #bytes = 0;

  constructor(options: {
    source: SourceTrack;
    width: number;
    height: number;
    timelineOffsetSec: number;
    part: PartLength;
    sink: Writable;
  }) {
    const { source, width, height, timelineOffsetSec, part, sink } = options;
    this.#kind = source.kind;
    this.#sink = sink;
    const sound = source.kind === 'audio' ? readAacShape(source.config) : null;
    const track: PassedTrack =
      sound === null
        ? { source, timescale: VIDEO_TIMESCALE, width, height, sampleRate: 0, channels: 0 }
        : { source, timescale: sound.sampleRate, width: 0, height: 0, ...sound };
    this.#samples =
      sound === null ? new VideoSamples({ ticksPerMs: VIDEO_TIMESCALE / 1000, part }) : new AudioSamples(sound);
    this.#offset = timelineOffsetSec * track.timescale;
    this.#put(writeCmafHeader(track));
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#sink.writableNeedDrain;
  }

  async drained(): Promise<void> {
    if (this.full) await once(this.#sink, 'drain').catch(() => {});
  }

  add(block: BlockItem): void {
    this.#write(this.#samples.add(block));
  }

  /** Hands out what is held, and resolves when the sink has taken it. */
  async finish(): Promise<void> {
    this.#write(this.#samples.flush());
    const taken = new Promise<void>((resolve) => {
      this.#sink.write(Buffer.alloc(0), () => resolve());
    });
    const giveUp = new AbortController();
    await Promise.race([taken, sleep(FINISH_MS, undefined, { signal: giveUp.signal }).catch(() => {})]);
    giveUp.abort();
  }

  close(): void {
    if (!this.#sink.destroyed) this.#sink.end();
  }

  #write(fragments: readonly TimedSamples[]): void {
    for (const { decodeTime, samples } of fragments) {
      this.#sequence += 1;
      const at = decodeTime + this.#offset;
      this.#put(writeCmafFragment({ kind: this.#kind, sequence: this.#sequence, decodeTime: at, samples }));
    }
  }

  #put(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (!this.#sink.destroyed) this.#sink.write(bytes);
  }
}
