import type { Codec, DecoderConfig, Frame, TrackKind } from '../../media/frame.js';
import { encode } from '../codecs.fixture.js';
import { writeMp3Config } from '../mp3-config.js';
import { writeVp8Config } from '../vp8-config.js';
import { writeVp9Config } from '../vp9-config.js';

/** One track as the real encoder made it: its config, its frames in ms, and the file that they came from. */
export interface RecordedClip {
  readonly config: DecoderConfig;
  readonly frames: readonly Frame[];
  readonly file: Buffer;
}

interface RecordedBlock {
  /** Its number. */
  readonly track: number;
  /** Ms, as written. */
  readonly time: number;
  readonly key: boolean;
  readonly data: Buffer;
}

interface Element {
  readonly id: number;
  readonly payload: Buffer;
}

const MASTERS = new Set([0x18538067, 0x1654ae6b, 0xae, 0x1f43b675, 0xa0]);
const [CODEC_PRIVATE, CLUSTER_TIME, SIMPLE_BLOCK, BLOCK, CODEC_DELAY] = [0x63a2, 0xe7, 0xa3, 0xa1, 0x56aa];

/** Encodes one track into Matroska, with ffmpeg's own muxer, and takes it apart. */
export async function recordClip(track: TrackKind, codec: Codec, ...args: string[]): Promise<RecordedClip> {
  const file = await encode('matroska', ...args);
  const elements = [...walk(file)];
  const secret = elements.find(({ id }) => id === CODEC_PRIVATE)?.payload ?? null;
  const delay = elements.find(({ id }) => id === CODEC_DELAY)?.payload;
  const delayMs = delay === undefined ? 0 : Math.round(delay.readUIntBE(0, delay.length) / 1e6);
  const frames = blocksOf(elements).map(({ time, key, data }): Frame => {
    return { track, codec, dts: time - delayMs, pts: time - delayMs, timescale: 1000, key, data };
  });
  return { config: { track, codec, data: configOf(codec, secret, frames[0]?.data) }, frames, file };
}

/** The blocks of a Matroska file, or of a feed. */
export function readBlocks(file: Buffer): RecordedBlock[] {
  return blocksOf([...walk(file)]);
}

function blocksOf(elements: readonly Element[]): RecordedBlock[] {
  const blocks: RecordedBlock[] = [];
  let clusterMs = 0;
  for (const { id, payload } of elements) {
    if (id === CLUSTER_TIME) clusterMs = payload.readUIntBE(0, payload.length);
    if (id !== SIMPLE_BLOCK && id !== BLOCK) continue;
    const key = id === BLOCK || ((payload[3] ?? 0) & 0x80) !== 0;
    const track = (payload[0] ?? 0) & 0x7f;
    blocks.push({ track, time: clusterMs + payload.readInt16BE(1), key, data: payload.subarray(4) });
  }
  return blocks;
}

/** Some codecs' configs are made of the first frame. */
function configOf(codec: Codec, secret: Buffer | null, first: Buffer = Buffer.alloc(0)): Buffer {
  const made =
    codec === 'vp8'
      ? writeVp8Config(first)
      : codec === 'vp9'
        ? writeVp9Config(null, first)
        : codec === 'mp3'
          ? writeMp3Config(first)
          : secret;
  if (made === null) throw new Error(`the encoder made no config of ${codec}`);
  return made;
}

/** Every element that is no master, in order. */
function* walk(bytes: Buffer): Generator<Element> {
  let at = 0;
  while (at < bytes.length) {
    const idBytes = Math.clz32((bytes[at] ?? 0) << 24) + 1;
    const sizeBytes = Math.clz32((bytes[at + idBytes] ?? 0) << 24) + 1;
    const id = bytes.readUIntBE(at, idBytes);
    const mark = 2 ** (7 * sizeBytes);
    const size = readSize(bytes.subarray(at + idBytes, at + idBytes + sizeBytes)) % mark;
    const start = at + idBytes + sizeBytes;
    const payload = size === mark - 1 ? bytes.subarray(start) : bytes.subarray(start, start + size);
    if (MASTERS.has(id)) yield* walk(payload);
    else yield { id, payload };
    at = start + payload.length;
  }
}

function readSize(bytes: Buffer): number {
  return bytes.length > 6 ? Number(bytes.readBigUInt64BE() & 0x1fffffffffffffn) : bytes.readUIntBE(0, bytes.length);
}
