/** Named ladders: what an operator may write down, and what is shipped. Pure. */
import type { LadderCodec } from '../media/rendition.js';

export interface Preset {
  /** `auto`: as the source's size asks for. Highest first; none: sound alone. */
  readonly video: 'auto' | readonly PresetRung[];
  readonly audio: PresetAudio | false;
}

type PresetRung =
  /** The source's own picture, not encoded again where it can be; else encoded at its size. The first rung only. */
  { readonly passthrough: true } | EncodedRung;

export interface EncodedRung {
  readonly passthrough?: false | undefined;
  /** Of the shorter side, pixels. */
  readonly height: number;
  /** Bits per second; absent: what that size usually takes. */
  readonly bitrate?: number | undefined;
  /** Absent: H.264. The others are made only where the hardware makes them well. */
  readonly codec?: LadderCodec | undefined;
}

export interface PresetAudio {
  /** Of stereo, bits per second; mono gets five eighths. */
  readonly bitrate: number;
  /** The source's own sound, where it is AAC that any player takes. */
  readonly passthrough?: boolean | undefined;
}

const STEREO = { bitrate: 128_000 };

export const SHIPPED_PRESETS = {
  auto: { video: 'auto', audio: STEREO },
  '1080p-4': {
    video: [
      { height: 1080, bitrate: 5_500_000 },
      { height: 720, bitrate: 3_000_000 },
      { height: 540, bitrate: 1_800_000 },
      { height: 360, bitrate: 900_000 },
    ],
    audio: STEREO,
  },
  '720p-3': {
    video: [
      { height: 720, bitrate: 3_000_000 },
      { height: 540, bitrate: 1_800_000 },
      { height: 360, bitrate: 900_000 },
    ],
    audio: STEREO,
  },
  'passthrough-top': {
    video: [
      { passthrough: true },
      { height: 720, bitrate: 3_000_000 },
      { height: 540, bitrate: 1_800_000 },
      { height: 360, bitrate: 900_000 },
    ],
    audio: { bitrate: 128_000, passthrough: true },
  },
  passthrough: { video: [{ passthrough: true }], audio: { bitrate: 128_000, passthrough: true } },
  'audio-only': { video: [], audio: STEREO },
} as const satisfies Record<string, Preset>;

export const DEFAULT_PRESET = 'auto';
