/** What an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) says of its blocks. Pure. */
export interface AacShape {
  /** Of the core: what the blocks are counted in, Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Core samples in a block. */
  readonly blockSamples: number;
}

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const LOW_COMPLEXITY = 2;
const SPECTRAL_BANDS = 5;
const PARAMETRIC_STEREO = 29;

/** Null for anything but AAC-LC and HE-AAC in mono or stereo: that is encoded anew. */
export function readAacShape(config: Buffer): AacShape | null {
  if (config.length < 2) return null;
  const bits = new Bits(config);
  const outer = bits.take(5);
  if (![LOW_COMPLEXITY, SPECTRAL_BANDS, PARAMETRIC_STEREO].includes(outer)) return null;
  const sampleRate = readRate(bits);
  const channels = bits.take(4);
  if (outer !== LOW_COMPLEXITY) {
    readRate(bits);
    if (bits.take(5) !== LOW_COMPLEXITY) return null;
  }
  const blockSamples = bits.take(1) === 1 ? 960 : 1024;
  if (sampleRate === null || (channels !== 1 && channels !== 2) || bits.overrun) return null;
  // What players are sure to take.
  if (sampleRate > 48_000) return null;
  return { sampleRate, channels, blockSamples };
}

function readRate(bits: Bits): number | null {
  const index = bits.take(4);
  return index === 15 ? bits.take(24) : (RATES[index] ?? null);
}

class Bits {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get overrun(): boolean {
    return this.#at > 8 * this.#bytes.length;
  }

  take(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1, this.#at += 1) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }
}
