/** OpusHead, the identification header (RFC 7845 §5.1), and how long a packet plays (RFC 6716 §3.1). */

export interface OpusHead {
  /** 1 to 8. */
  readonly channels: number;
  /** Samples at 48 kHz that a decoder must leave out at the start, 0 to 65,535. */
  readonly preSkip: number;
  /** Hz of what was encoded, for information: Opus always plays at 48 kHz. */
  readonly sampleRate: number;
}

const MAGIC = Buffer.from('OpusHead', 'latin1');
const HEAD_BYTES = 19;
const CHANNELS_MAX = 8;
/** Mapping family 1 (§5.1.1.2): streams, coupled streams and the channel order, for 3 to 8 channels. */
const SURROUND: readonly (readonly number[])[] = [
  [2, 1, 0, 2, 1],
  [2, 2, 0, 1, 2, 3],
  [3, 2, 0, 4, 1, 2, 3],
  [4, 2, 0, 4, 1, 2, 3, 5],
  [4, 3, 0, 4, 1, 2, 3, 5, 6],
  [5, 3, 0, 6, 1, 2, 3, 4, 5, 7],
];
/** Samples of one frame at 48 kHz, by the 32 configurations of the first byte (Table 2). */
const SILK_FRAMES = [480, 960, 1920, 2880];
const HYBRID_FRAMES = [480, 960];
const CELT_FRAMES = [120, 240, 480, 960];
/** §3.2.5: a packet plays for 120 ms at most. */
const PACKET_SAMPLES_MAX = 5760;

/** Throws RangeError where the channels are not 1 to 8: that is the caller's mistake. */
export function writeOpusHead({ channels, preSkip, sampleRate }: OpusHead): Buffer {
  const mapping = channels <= 2 ? [] : SURROUND[channels - 3];
  if (mapping === undefined || channels < 1) throw new RangeError(`Opus has no order for ${channels} channels`);
  const head = Buffer.alloc(HEAD_BYTES + mapping.length);
  MAGIC.copy(head);
  head[8] = 1;
  head[9] = channels;
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(sampleRate, 12);
  head[18] = mapping.length === 0 ? 0 : 1;
  Buffer.from(mapping).copy(head, HEAD_BYTES);
  return head;
}

/** Null where it is no OpusHead, cut short, of a later major version, or of a channel mapping that says no order. */
export function readOpusHead(data: Buffer): OpusHead | null {
  if (data.length < HEAD_BYTES || !data.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const channels = data[9] ?? 0;
  const family = data[18] ?? 0;
  if (((data[8] ?? 0) & 0xf0) !== 0 || channels < 1 || channels > CHANNELS_MAX) return null;
  if (family === 0 ? channels > 2 : family !== 1 || !isMapping(data, channels)) return null;
  return { channels, preSkip: data.readUInt16LE(10), sampleRate: data.readUInt32LE(12) };
}

function isMapping(data: Buffer, channels: number): boolean {
  const [streams = 0, coupled = 0] = [data[HEAD_BYTES], data[HEAD_BYTES + 1]];
  return data.length >= HEAD_BYTES + 2 + channels && streams > 0 && coupled <= streams;
}

/** Samples per channel at 48 kHz that a packet plays for; 0 where it is none. */
export function opusPacketSamples(packet: Buffer): number {
  const first = packet[0];
  if (first === undefined) return 0;
  const samples = frameSamples(first >> 3) * frameCount(first & 3, packet);
  return samples <= PACKET_SAMPLES_MAX ? samples : 0;
}

function frameSamples(configuration: number): number {
  if (configuration < 12) return SILK_FRAMES[configuration & 3] ?? 0;
  if (configuration < 16) return HYBRID_FRAMES[configuration & 1] ?? 0;
  return CELT_FRAMES[configuration & 3] ?? 0;
}

function frameCount(code: number, packet: Buffer): number {
  if (code === 0) return 1;
  return code === 3 ? (packet[1] ?? 0) & 0x3f : 2;
}
