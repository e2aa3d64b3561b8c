/** The codecs that a publisher may bring. FourCC names are each protocol's own affair. */
export type VideoCodec = 'h264' | 'hevc' | 'av1' | 'vp8' | 'vp9';
export type AudioCodec = 'aac' | 'opus' | 'mp3';
export type Codec = VideoCodec | AudioCodec;
export type TrackKind = 'video' | 'audio';

/**
 * One coded picture or one block of coded audio, whatever protocol brought it.
 *
 * Times are integers in units of 1/`timescale` second. `dts` never falls within one run of a timeline;
 * `pts` may be below the next frame's `dts` (B-frames). H.264 and HEVC are length-prefixed (4 bytes, ISO/IEC 14496-15),
 * never Annex B; AAC is raw access units without ADTS.
 */
export interface Frame {
  readonly track: TrackKind;
  readonly codec: Codec;
  readonly dts: number;
  readonly pts: number;
  readonly timescale: number;
  /** Decoding can start here. Always true for audio. */
  readonly key: boolean;
  readonly data: Buffer;
}

/** What a decoder must know before the first frame: avcC (ISO/IEC 14496-15 §5.3.3), AudioSpecificConfig (14496-3 §1.6.2), … */
export interface DecoderConfig {
  readonly track: TrackKind;
  readonly codec: Codec;
  readonly data: Buffer;
}
