import type { AudioCodec, VideoCodec } from './frame.js';

/** What is known about a source before anything is encoded: pure data, the ladder's input. */
export interface SourceFacts {
  readonly video: VideoFacts | null;
  readonly audio: AudioFacts | null;
}

export interface VideoFacts {
  readonly codec: VideoCodec | (string & {});
  /** Coded picture in pixels, after cropping and before rotation. */
  readonly width: number;
  readonly height: number;
  /** Display rotation in degrees clockwise: 0, 90, 180 or 270. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Pixel width over pixel height; 1 is square. */
  readonly sampleAspectRatio: number;
  /** Frames per second, or null where the source does not say (then measured or assumed). */
  readonly frameRate: number | null;
  readonly interlaced: boolean;
  /** PQ or HLG transfer: must be tone-mapped for an 8-bit ladder. */
  readonly hdr: boolean;
  /** The longest distance of two keys so far, in ms of a live source; null or absent where it was not measured. */
  readonly keyIntervalMs?: number | null;
  /** Captions found in a live source's pictures so far; absent where there are none. */
  readonly captions?: CaptionChannels;
}

/** Which captions pictures carry. Rising numbers. */
export interface CaptionChannels {
  /** CC1 to CC4 (ANSI/CTA-608-E). */
  readonly cea608: readonly number[];
  /** Service numbers, 1 to 63 (ANSI/CTA-708-E). */
  readonly cea708: readonly number[];
}

export interface AudioFacts {
  readonly codec: AudioCodec | (string & {});
  readonly sampleRate: number;
  readonly channels: number;
}
