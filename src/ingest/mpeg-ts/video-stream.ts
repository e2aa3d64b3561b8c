import type { DecoderConfig } from '../../media/frame.js';
import { lengthPrefixed, splitAnnexB } from '../annex-b.js';
import { readAvcConfig } from '../avc-config.js';
import { readSps } from '../avc-sps.js';
import { ParameterSets } from '../parameter-sets.js';
import { splitAccessUnits } from './access-units.js';
import { type ElementaryStream, type StreamOutput, TIMESCALE } from './elementary-stream.js';

/** 90 kHz ticks from one picture to the next, until the source's own distance is known. */
const STEP_FIRST = 3600;
/** A longer distance is a gap, not the picture rate. */
const STEP_MAX = TIMESCALE;

/**
 * H.264 or HEVC: one frame for each access unit. A unit's time is its first access unit's; further ones in the same unit
 * follow at the source's own distance, unless they are the second field of an interlaced picture, which joins the first.
 *
 * Lifetime: as long as the PMT lists the stream. Nothing comes out before the first decoder config.
 */
export class VideoStream implements ElementaryStream {
  readonly #codec: 'h264' | 'hevc';
  readonly #output: StreamOutput;
  readonly #sets: ParameterSets;
  #configured = false;
  #fields = false;
  #latestDts: number | null = null;
  #step = STEP_FIRST;

  constructor(codec: 'h264' | 'hevc', output: StreamOutput) {
    this.#codec = codec;
    this.#output = output;
    this.#sets = new ParameterSets(codec);
  }

  unit(payload: Buffer, pts: number | null, dts: number | null): void {
    // A first unit without a time can't be placed; later ones continue the unit before.
    const from = dts ?? (this.#latestDts === null ? null : this.#latestDts + this.#step);
    if (from === null) return;
    this.#measure(from);
    let at = { dts: from, pts: pts ?? from };
    const units = this.#joinFields(splitAccessUnits(this.#codec, splitAnnexB(payload)));
    for (const nals of units) {
      if (this.#accessUnit(nals, at)) at = { dts: at.dts + this.#step, pts: at.pts + this.#step };
    }
  }

  lost(): void {}

  /** False where it held no picture. */
  #accessUnit(nals: readonly Buffer[], { dts, pts }: { dts: number; pts: number }): boolean {
    const { config, picture, key } = this.#sets.take(nals);
    if (config !== null) this.#configure(config);
    if (picture.length === 0) return false;
    this.#latestDts = dts;
    if (!this.#configured) return true;
    const data = lengthPrefixed(picture);
    this.#output.onFrame({ track: 'video', codec: this.#codec, dts, pts, timescale: TIMESCALE, key, data });
    return true;
  }

  #configure(config: DecoderConfig): void {
    this.#configured = true;
    const sps = this.#codec === 'h264' ? readAvcConfig(config.data)?.sps[0] : undefined;
    this.#fields = sps !== undefined && readSps(sps)?.interlaced === true;
    this.#output.onConfig(config);
  }

  /** Two access units in one unit of an interlaced stream are the two fields of one picture. */
  #joinFields(units: Buffer[][]): Buffer[][] {
    return this.#fields && units.length === 2 ? [units.flat()] : units;
  }

  #measure(dts: number): void {
    const step = this.#latestDts === null ? 0 : dts - this.#latestDts;
    if (step > 0 && step <= STEP_MAX) this.#step = step;
  }
}
