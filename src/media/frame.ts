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

/**
 * What a decoder must know before the first frame. `data`, by codec:
 *
 * - h264: avcC (ISO/IEC 14496-15 §5.3.3.1); hevc: hvcC (§8.3.3.1); both with NAL unit lengths of 4 bytes
 * - av1: av1C with its sequence header OBU (AV1 in ISOBMFF §2.3.3)
 * - vp9: the first 6 bytes of vpcC after version and flags (VP codecs in ISOBMFF), then width and height as 16 bits each
 * - vp8: the first 10 bytes of a key frame, which carry its size (RFC 6386 §9.1), with the length in its tag set to 0
 * - aac: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); opus: OpusHead (RFC 7845 §5.1); mp3: the 4 bytes of a frame header, without
 *   what differs between frames of one stream
 */
export interface DecoderConfig {
  readonly track: TrackKind;
  readonly codec: Codec;
  readonly data: Buffer;
}
