/** One rung of a ladder, as the encoder is asked for it and as manifests name it. */
export type Rendition = VideoRendition | AudioRendition;

/** What a rung may be encoded in. */
export type LadderCodec = 'h264' | 'hevc' | 'av1';

export interface VideoRendition {
  readonly kind: 'video';
  /** Absent: H.264 (or, of a picture that is passed through, the source's). */
  readonly codec?: LadderCodec;
  /** The rendition's name in addresses, e.g. `v720`, `v1080-hevc`. Matches `[a-z0-9][a-z0-9-]{0,31}`. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Target and ceiling in bits per second. */
  readonly bitrate: number;
  readonly maxBitrate: number;
}

export interface AudioRendition {
  readonly kind: 'audio';
  /** `audio`. */
  readonly id: string;
  readonly bitrate: number;
  readonly sampleRate: number;
  readonly channels: number;
}
