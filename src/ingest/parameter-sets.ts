import type { DecoderConfig } from '../media/frame.js';
import { isAvcKey, writeAvcConfig } from './avc-config.js';
import { BitReader, OutOfBits } from './bit-reader.js';
import { hevcNalType, isHevcKey, writeHevcConfig } from './hevc-config.js';

/** One access unit, taken apart. */
export interface AccessUnit {
  /** The decoder config, where this unit brought a new or changed one. */
  readonly config: DecoderConfig | null;
  /** What remains for the frame; empty where the unit held parameter sets alone. */
  readonly picture: Buffer[];
  /** Decoding can start here. */
  readonly key: boolean;
}

type SetKind = 'vps' | 'sps' | 'pps';
type NalRole = SetKind | 'picture' | 'empty';

/** A set with scaling lists and all usability information stays below this; larger ones are left out. */
const SET_BYTES_MAX = 4096;
/** Of each kind; encoders send one or two. */
const SETS_MAX = 16;
const AVC_ROLES: Partial<Record<number, NalRole>> = { 7: 'sps', 8: 'pps', 9: 'empty', 12: 'empty' };
const HEVC_ROLES: Partial<Record<number, NalRole>> = { 32: 'vps', 33: 'sps', 34: 'pps', 35: 'empty', 38: 'empty' };

/**
 * Keeps the parameter sets of one video track whose source sends them among the pictures (Annex B, RTP), and says when
 * the decoder config that they make up is new.
 *
 * A changed VPS or SPS begins a new sequence: the sets from before are forgotten, as the new sequence brings its own.
 *
 * Lifetime: one track of one publisher. Memory is bounded by 48 sets of 4 KiB.
 */
export class ParameterSets {
  readonly #codec: 'h264' | 'hevc';
  #sets: Record<SetKind, Buffer[]> = { vps: [], sps: [], pps: [] };
  #written: Buffer | null = null;

  constructor(codec: 'h264' | 'hevc') {
    this.#codec = codec;
  }

  /** `nals` are one access unit without start codes or lengths; access unit delimiters and filler are left out of the picture. */
  take(nals: readonly Buffer[]): AccessUnit {
    const picture: Buffer[] = [];
    const brought: Record<SetKind, Buffer[]> = { vps: [], sps: [], pps: [] };
    for (const nal of nals) {
      const role = this.#roleOf(nal);
      if (role === 'picture') picture.push(nal);
      else if (role !== 'empty' && brought[role].length < SETS_MAX) brought[role].push(nal);
    }
    const key = this.#codec === 'h264' ? isAvcKey(picture) : isHevcKey(picture);
    return { config: this.#keep(brought) ? this.#newConfig() : null, picture, key };
  }

  #roleOf(nal: Buffer): NalRole {
    if (nal.length === 0) return 'empty';
    const type = this.#codec === 'h264' ? (nal[0] ?? 0) & 0x1f : hevcNalType(nal);
    const role = (this.#codec === 'h264' ? AVC_ROLES : HEVC_ROLES)[type] ?? 'picture';
    return role !== 'picture' && nal.length > SET_BYTES_MAX ? 'empty' : role;
  }

  /** True where a set is new. */
  #keep(brought: Record<SetKind, Buffer[]>): boolean {
    const isNew = (kind: SetKind) => brought[kind].some((set) => !this.#sets[kind].some((known) => known.equals(set)));
    const newSequence = isNew('vps') || isNew('sps');
    if (!newSequence && !isNew('pps')) return false;
    if (newSequence) this.#sets = { vps: brought.vps.map(copyOf), sps: brought.sps.map(copyOf), pps: [] };
    this.#sets.pps = this.#mergePps(brought.pps);
    return true;
  }

  /** A PPS takes the place of the one with its id (ITU-T H.264 §7.4.1.2.1, H.265 §7.4.2.4.2). */
  #mergePps(brought: readonly Buffer[]): Buffer[] {
    const byId = new Map(this.#sets.pps.map((set) => [this.#ppsId(set), set]));
    for (const set of brought) {
      const id = this.#ppsId(set);
      byId.delete(id);
      byId.set(id, copyOf(set));
    }
    return [...byId.values()].slice(-SETS_MAX);
  }

  #ppsId(set: Buffer): number {
    try {
      return new BitReader(set.subarray(this.#codec === 'h264' ? 1 : 2)).unsignedGolomb();
    } catch (error) {
      if (error instanceof OutOfBits) return 0;
      throw error;
    }
  }

  #newConfig(): DecoderConfig | null {
    const { vps, sps, pps } = this.#sets;
    const data = this.#codec === 'h264' ? writeAvcConfig(sps, pps) : writeHevcConfig(vps, sps, pps);
    if (data === null || this.#written?.equals(data) === true) return null;
    this.#written = data;
    return { track: 'video', codec: this.#codec, data };
  }
}

/** The source's own bytes are views into larger ones, which must not be kept. */
function copyOf(set: Buffer): Buffer {
  return Buffer.from(set);
}
