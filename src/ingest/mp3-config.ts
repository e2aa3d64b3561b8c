/** What the header of an MPEG audio frame of layer III says (ISO/IEC 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3). */
export interface Mp3Header {
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel that the frame plays for. */
  readonly samples: number;
}

const HEADER_BYTES = 4;
const LAYER_3 = 1;
const MPEG_1 = 3;
const RESERVED = 1;
const MONO = 3;
/** Hz of MPEG-1, by index; MPEG-2 has halves of these and MPEG-2.5 quarters. */
const SAMPLE_RATES = [44_100, 48_000, 32_000];
/** What differs between frames of one stream: CRC, bit rate, padding, private bit, and how two channels are coded. */
const STEADY_BITS = 0xfffe_0c00;

/** Null where it is cut short, or no layer III. */
export function readMp3Header(data: Buffer): Mp3Header | null {
  if (data.length < HEADER_BYTES) return null;
  const header = data.readUInt32BE();
  const version = (header >>> 19) & 3;
  const rate = SAMPLE_RATES[(header >>> 10) & 3];
  if (header >>> 21 !== 0x7ff || version === RESERVED || ((header >>> 17) & 3) !== LAYER_3 || rate === undefined) {
    return null;
  }
  const divisor = version === MPEG_1 ? 1 : version === 2 ? 2 : 4;
  const channels = ((header >>> 6) & 3) === MONO ? 1 : 2;
  return { sampleRate: rate / divisor, channels, samples: version === MPEG_1 ? 1152 : 576 };
}

/** The decoder config that a frame amounts to, equal for all frames of one stream; null where it is none. */
export function writeMp3Config(frame: Buffer): Buffer | null {
  const read = readMp3Header(frame);
  if (read === null) return null;
  const config = Buffer.alloc(HEADER_BYTES);
  config.writeUInt32BE(((frame.readUInt32BE() & STEADY_BITS) | (read.channels === 1 ? MONO << 6 : 0)) >>> 0);
  return config;
}
