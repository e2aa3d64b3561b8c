/** The header of an MPEG audio frame (ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.1). */
export interface MpegAudioHeader {
  /** 3 is MP3. */
  readonly layer: 1 | 2 | 3;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Of the whole frame, its header included; 0 where the header doesn't say (free format), or for another layer than 3. */
  readonly frameBytes: number;
  /** Per channel. */
  readonly samples: number;
}

export const HEADER_BYTES = 4;
const MPEG_1 = 3;
const MPEG_2 = 2;
const RESERVED = 1;
const SAMPLE_RATES = [44_100, 48_000, 32_000];
/** Layer III, kbit/s by bitrate_index: MPEG-1, then MPEG-2 and 2.5. */
const BITRATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/** Null where no header stands at `at`. */
export function readMpegAudioHeader(bytes: Buffer, at: number): MpegAudioHeader | null {
  if (at + HEADER_BYTES > bytes.length) return null;
  const word = bytes.readUInt32BE(at);
  const version = (word >>> 19) & 3;
  const layerCode = (word >>> 17) & 3;
  const bitrate = (word >>> 12) & 15;
  const rate = SAMPLE_RATES[(word >>> 10) & 3];
  if (word >>> 21 !== 0x7ff || version === RESERVED || layerCode === 0 || bitrate === 15 || rate === undefined)
    return null;
  const sampleRate = rate / (version === MPEG_1 ? 1 : version === MPEG_2 ? 2 : 4);
  const samples = version === MPEG_1 ? 1152 : 576;
  const bytesPerSecond = ((BITRATES[version === MPEG_1 ? 0 : 1]?.[bitrate] ?? 0) * 1000) / 8;
  const padding = (word >>> 9) & 1;
  return {
    layer: layerCode === 1 ? 3 : layerCode === 2 ? 2 : 1,
    sampleRate,
    channels: ((word >>> 6) & 3) === 3 ? 1 : 2,
    frameBytes:
      layerCode === 1 && bytesPerSecond > 0 ? Math.floor((samples * bytesPerSecond) / sampleRate) + padding : 0,
    samples,
  };
}
