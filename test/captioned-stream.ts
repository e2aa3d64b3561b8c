import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parameterSetNals, readAvcConfig } from '../src/ingest/avc-config.js';
import { captionUnit, constructs, eraseShown, PADDING, popOn } from '../src/ingest/captions.fixture.js';
import { PacketWriter } from '../src/ingest/mpeg-ts/ts.fixture.js';
import { TsDemuxer } from '../src/ingest/mpeg-ts/ts-demuxer.js';
import type { Frame } from '../src/media/frame.js';
import { newFolder } from './box.js';

/**
 * A transport stream as a broadcaster's encoder sends it: pictures with line 21 captions, sound, cues and timed ID3. The
 * pictures and the sound are a real encoder's; what stands beside them is put in here. Each picture's captions also carry its
 * number (on field 2, where players find no caption), so that a picture can be told wherever it turns up.
 */
export interface CaptionedStream {
  readonly file: string;
  readonly bytesPerSec: number;
  /** Presentation time of picture 0, 90 kHz. */
  readonly firstPts: number;
}

/** Something to be sent before the picture of that number. */
export interface Insertion {
  readonly before: number;
  readonly kind: 'section' | 'tag';
  /** Given the time of picture 0. */
  readonly bytes: (firstPts: number) => Buffer;
  /** Of a tag: the picture that it is for. */
  readonly at?: number;
}

export const RATE = 25;
const TICKS = 90_000 / RATE;
const [PMT, VIDEO, AUDIO, CUES, TAGS] = [0x1000, 0x100, 0x101, 0x1f0, 0x1f1] as const;
const ID3_METADATA = [0x26, 13, 0xff, 0xff, ...Buffer.from('ID3 '), 0xff, ...Buffer.from('ID3 '), 0, 0x0f];
const STREAMS = [
  { type: 27, pid: VIDEO },
  { type: 15, pid: AUDIO },
  { type: 0x86, pid: CUES, info: [5, 4, ...Buffer.from('CUEI')] },
  { type: 0x15, pid: TAGS, info: ID3_METADATA },
];
const PACKET_BYTES = 188;

export async function captionedStream(options: {
  seconds: number;
  size: string;
  captionsFrom: number;
  insertions: readonly Insertion[];
}): Promise<CaptionedStream> {
  const { seconds, size, captionsFrom, insertions } = options;
  const plain = await encode(seconds, size);
  const frames = framesOf(plain);
  const firstPts = frames[0]?.pts ?? 0;
  const writer = new PacketWriter();
  const packets: Buffer[] = [];
  let number = 0;
  for (let at = 0; at + PACKET_BYTES <= plain.length; at += PACKET_BYTES) {
    const packet = plain.subarray(at, at + PACKET_BYTES);
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const begins = (packet.readUInt16BE(1) & 0x4000) !== 0;
    if (pid === PMT) packets.push(writer.pmt(PMT, STREAMS));
    else if (pid !== VIDEO) packets.push(packet);
    else if (begins) {
      const due = insertions.filter(({ before }) => before === number);
      packets.push(...due.map((insertion) => insert(writer, insertion, firstPts)));
      const frame = frames[number];
      if (frame !== undefined) packets.push(picture(writer, frame, line21At(number, captionsFrom), number));
      number += 1;
    }
  }
  const bytes = Buffer.concat(packets);
  const file = join(newFolder(), 'captioned.ts');
  writeFileSync(file, bytes);
  return { file, firstPts, bytesPerSec: Math.round(bytes.length / seconds) };
}

/** Pushes it at its own pace, whatever ffmpeg thinks of what is in it. Returns how to end that. */
export function pushStream({ file, bytesPerSec }: CaptionedStream, srtUrl: string): { stop(): Promise<void> } {
  const input = ['-re', '-f', 's16le', '-ar', String(Math.ceil(bytesPerSec / 2)), '-ac', '1', '-i', file];
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...input, '-c', 'copy', '-f', 's16le', srtUrl], {
    stdio: 'ignore',
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    stop: () => {
      child.kill('SIGKILL');
      return gone;
    },
  };
}

/** By picture, in order: what of its captions came through, and its number; of an H.264 segment. */
export function captionsIn(segment: Buffer): { readonly number: number; readonly line21: string }[] {
  const mark = Buffer.from('GA94\u0003');
  const found: { number: number; line21: string }[] = [];
  for (let at = segment.indexOf(mark); at !== -1; at = segment.indexOf(mark, at + 1)) {
    const cc = segment.subarray(at + 7, at + 7 + 6);
    const [high = 0, low = 0] = [cc[4], cc[5]].map((byte = 0) => (byte & 0x7f) - 0x20);
    found.push({ number: high * 96 + low, line21: cc.subarray(0, 3).toString('hex') });
  }
  return found;
}

/** What picture `number` of the source has on line 21. */
export const line21Of = (number: number, captionsFrom: number): string =>
  constructs(line21At(number, captionsFrom)).subarray(0, 3).toString('hex');

/** HELLO for two seconds out of three. */
const SCRIPT = (() => {
  const pairs = Array.from({ length: 3 * RATE }, () => PADDING);
  popOn('HELLO').forEach((pair, index) => {
    pairs[index] = pair;
  });
  eraseShown().forEach((pair, index) => {
    pairs[2 * RATE + index] = pair;
  });
  return pairs;
})();

function line21At(number: number, captionsFrom: number): readonly number[] {
  return number < captionsFrom ? PADDING : (SCRIPT[(number - captionsFrom) % SCRIPT.length] ?? PADDING);
}

function picture(writer: PacketWriter, frame: Frame, line21: readonly number[], number: number): Buffer {
  const cc = constructs(line21);
  cc.set([0x20 + Math.floor(number / 96), 0x20 + (number % 96)].map(withParity), 4);
  const nals = nalsOf(frame.data);
  const slice = nals.findIndex((nal) => [1, 5].includes((nal[0] ?? 0) & 0x1f));
  const all = [...nals.slice(0, slice), captionUnit(cc), ...nals.slice(slice)];
  const startCode = Buffer.from([0, 0, 0, 1]);
  const bytes = Buffer.concat([startCode, Buffer.from([9, 0xf0]), ...all.flatMap((nal) => [startCode, nal])]);
  return writer.pes(VIDEO, bytes, { pts: frame.pts, dts: frame.dts });
}

function withParity(seven: number): number {
  const ones = seven.toString(2).replaceAll('0', '').length;
  return ones % 2 === 0 ? seven | 0x80 : seven;
}

function insert(writer: PacketWriter, { kind, bytes, at = 0 }: Insertion, firstPts: number): Buffer {
  const content = bytes(firstPts);
  if (kind === 'tag') return writer.pes(TAGS, content, { pts: firstPts + at * TICKS });
  return writer.packet(CUES, Buffer.concat([Buffer.from([0]), content]), true, 0xff);
}

async function encode(seconds: number, size: string): Promise<Buffer> {
  const input = [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${size}:rate=${RATE}`,
    '-f',
    'lavfi',
    '-i',
    'sine=sample_rate=48000',
  ];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(RATE), '-bf', '0'];
  const rest = [
    '-x264-params',
    'repeat-headers=1',
    '-pix_fmt',
    'yuv420p',
    '-b:v',
    '500k',
    '-c:a',
    'aac',
    '-t',
    String(seconds),
  ];
  // A constant rate, filled with empty packets: so it can be sent by the byte.
  const args = ['-v', 'error', '-nostdin', ...input, ...x264, ...rest, '-muxrate', '1500k', '-f', 'mpegts', 'pipe:1'];
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** The pictures, with their parameter sets in front of keys. */
function framesOf(stream: Buffer): Frame[] {
  const frames: Frame[] = [];
  let sets: Buffer = Buffer.alloc(0);
  const demuxer = new TsDemuxer({
    onConfig: ({ track, data }) => {
      const config = track === 'video' ? readAvcConfig(data) : null;
      if (config !== null) sets = parameterSetNals(config);
    },
    onFrame: (frame) => {
      if (frame.track === 'audio') return;
      frames.push(frame.key ? { ...frame, data: Buffer.concat([sets, frame.data]) } : frame);
    },
    onFault: (message) => {
      throw new Error(message);
    },
  });
  demuxer.push(stream);
  demuxer.end();
  return frames;
}

function nalsOf(data: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  for (let at = 0; at + 4 < data.length; ) {
    const length = data.readUInt32BE(at);
    nals.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return nals;
}
