import { PACKET_BYTES, PID } from './packet.js';

/** The streams of the one program; which of them carries the clock follows from that. */
export interface Program {
  /** Null: there is no such stream. */
  readonly videoType: number | null;
  readonly audioType: number | null;
}

const TRANSPORT_STREAM_ID = 1;
const PROGRAM_NUMBER = 1;
/** A table that says something else must have another version (§2.4.4.9): each choice of streams has its own. */
const VIDEO_TYPES: readonly (number | null)[] = [null, 0x1b, 0x24];
const AUDIO_TYPES: readonly (number | null)[] = [null, 0x0f, 0x03, 0x04];

/** The PID that carries the clock: the picture's where there is one. */
export function clockPid({ videoType }: Program): number {
  return videoType === null ? PID.audio : PID.video;
}

/** A packet with the program association table (ISO/IEC 13818-1 §2.4.4.3). Its continuity counter is 0. */
export function patPacket(): Buffer {
  const body = [...u16(PROGRAM_NUMBER), ...u16(0xe000 | PID.pmt)];
  return sectionPacket(PID.pat, { table: 0x00, id: TRANSPORT_STREAM_ID, version: 0 }, body);
}

/** A packet with the program map table (§2.4.4.8). Its continuity counter is 0. */
export function pmtPacket(program: Program): Buffer {
  const { videoType, audioType } = program;
  const streams = [
    ...(videoType === null ? [] : listed(videoType, PID.video)),
    ...(audioType === null ? [] : listed(audioType, PID.audio)),
  ];
  const version = VIDEO_TYPES.indexOf(videoType) * AUDIO_TYPES.length + AUDIO_TYPES.indexOf(audioType);
  const body = [...u16(0xe000 | clockPid(program)), ...u16(0xf000), ...streams];
  return sectionPacket(PID.pmt, { table: 0x02, id: PROGRAM_NUMBER, version }, body);
}

/** A stream without descriptors. */
function listed(type: number, pid: number): number[] {
  return [type, ...u16(0xe000 | pid), ...u16(0xf000)];
}

/** A section of the long form (§2.4.4.11) behind a pointer of 0, in a packet that is filled up with 0xff. */
function sectionPacket(
  pid: number,
  { table, id, version }: { table: number; id: number; version: number },
  body: readonly number[],
): Buffer {
  const length = 5 + body.length + 4;
  const head = [table, ...u16(0xb000 | length), ...u16(id), 0xc1 | (version << 1), 0, 0];
  const section = Buffer.from([...head, ...body, 0, 0, 0, 0]);
  section.writeUInt32BE(crc32(section.subarray(0, -4)), section.length - 4);
  const packet = Buffer.alloc(PACKET_BYTES, 0xff);
  packet.writeUInt32BE(((0x47 << 24) | (1 << 22) | (pid << 8) | 0x10) >>> 0, 0);
  packet[4] = 0;
  section.copy(packet, 5);
  return packet;
}

const u16 = (value: number): [number, number] => [value >> 8, value & 0xff];

/** Annex A: polynomial 0x04c11db7, highest bit first, no final inversion. Tables are short: bit by bit will do. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}
