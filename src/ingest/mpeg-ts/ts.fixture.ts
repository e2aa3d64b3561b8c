import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DecoderConfig, Frame } from '../../media/frame.js';
import { crc32Mpeg } from './crc32-mpeg.js';
import { TsDemuxer } from './ts-demuxer.js';

const run = promisify(execFile);

/** What came out of a demuxer, in order. */
export class Demuxed {
  readonly configs: DecoderConfig[] = [];
  readonly frames: Frame[] = [];
  readonly faults: string[] = [];
  readonly demuxer = new TsDemuxer({
    onConfig: (config) => this.configs.push(config),
    onFrame: (frame) => this.frames.push(frame),
    onFault: (message) => this.faults.push(message),
  });

  of(track: 'video' | 'audio'): Frame[] {
    return this.frames.filter((frame) => frame.track === track);
  }
}

export function demux(bytes: Buffer, cutAt: readonly number[] = []): Demuxed {
  const out = new Demuxed();
  let from = 0;
  for (const cut of [...cutAt, bytes.length]) {
    out.demuxer.push(bytes.subarray(from, cut));
    from = cut;
  }
  out.demuxer.end();
  return out;
}

/** A folder for clips that the real ffmpeg makes. */
export class ClipFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(): Promise<ClipFolder> {
    return new ClipFolder(await mkdtemp(join(tmpdir(), 'headwater-ts-')));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async ffmpeg(...args: string[]): Promise<void> {
    await run('ffmpeg', ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...args]);
  }

  /** A transport stream of what `args` name. */
  async ts(name: string, ...args: string[]): Promise<Buffer> {
    await this.ffmpeg(...args, '-f', 'mpegts', this.file(name));
    return readFile(this.file(name));
  }

  close(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** One packet as ffprobe sees it; times in units of `timebase`. */
export interface ProbedPacket {
  readonly codec_type: 'video' | 'audio';
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  /** `MD5:` and the hash of its bytes. */
  readonly data_hash: string;
}

export async function probePackets(file: string): Promise<ProbedPacket[]> {
  const args = ['-v', 'error', '-show_packets', '-show_data_hash', 'md5', '-of', 'json', file];
  const { stdout } = await run('ffprobe', args, { maxBuffer: 64 * 1024 * 1024 });
  return (JSON.parse(stdout) as { packets: ProbedPacket[] }).packets;
}

/** Transport packets made by hand. */
export class PacketWriter {
  readonly #continuity = new Map<number, number>();

  /** A section in one packet; `body` is what stands between the length field and the CRC. */
  section(pid: number, table: number, body: readonly number[]): Buffer {
    const head = [table, 0xb0 | ((body.length + 4) >> 8), (body.length + 4) & 0xff, ...body];
    const section = Buffer.from([...head, 0, 0, 0, 0]);
    section.writeUInt32BE(crc32Mpeg(section.subarray(0, -4)), section.length - 4);
    return this.packet(pid, Buffer.concat([Buffer.from([0]), section]), true, 0xff);
  }

  pat(pmtPid: number): Buffer {
    return this.section(0, 0, [0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | (pmtPid >> 8), pmtPid & 0xff]);
  }

  pmt(pid: number, streams: readonly { type: number; pid: number; info?: readonly number[] }[], version = 0): Buffer {
    const listed = streams.flatMap(({ type, pid: own, info = [] }) => {
      return [type, 0xe0 | (own >> 8), own & 0xff, 0xf0, info.length, ...info];
    });
    return this.section(pid, 2, [0, 1, 0xc1 | (version << 1), 0, 0, 0xe1, 0, 0xf0, 0, ...listed]);
  }

  /** A PES packet over as many transport packets as it takes. */
  pes(pid: number, payload: Buffer, times: { pts?: number; dts?: number } = {}): Buffer {
    const stamps = [times.pts, times.dts].filter((time) => time !== undefined).map(timeBytes);
    const flags = times.pts === undefined ? 0 : times.dts === undefined ? 0x80 : 0xc0;
    const counted = 3 + stamps.length * 5 + payload.length;
    const length = counted > 0xffff ? [0, 0] : [counted >> 8, counted & 0xff];
    const head = Buffer.from([0, 0, 1, 0xe0, ...length, 0x80, flags, stamps.length * 5]);
    return this.split(pid, Buffer.concat([head, ...stamps, payload]));
  }

  split(pid: number, bytes: Buffer): Buffer {
    const packets: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 184) {
      packets.push(this.packet(pid, bytes.subarray(at, at + 184), at === 0));
    }
    return Buffer.concat(packets);
  }

  /** Filled up by an adaptation field, or (sections) by bytes of `fill`. */
  packet(pid: number, payload: Buffer, unitStart: boolean, fill?: number): Buffer {
    const continuity = ((this.#continuity.get(pid) ?? -1) + 1) & 15;
    this.#continuity.set(pid, continuity);
    const packet = Buffer.alloc(188, 0xff);
    const missing = 184 - payload.length;
    const adapted = missing > 0 && fill === undefined;
    packet.writeUInt32BE(
      ((0x47 << 24) | (unitStart ? 1 << 22 : 0) | (pid << 8) | (adapted ? 0x30 : 0x10) | continuity) >>> 0,
    );
    if (adapted) packet[4] = missing - 1;
    if (adapted && missing > 1) packet[5] = 0;
    payload.copy(packet, adapted ? 4 + missing : 4);
    return packet;
  }
}

function timeBytes(time: number): Buffer {
  const high = Math.floor(time / 2 ** 30) & 7;
  const bytes = Buffer.from([(high << 1) | 0x21, 0, 0, 0, 0]);
  bytes.writeUInt16BE(((Math.floor(time / 2 ** 15) & 0x7fff) << 1) | 1, 1);
  bytes.writeUInt16BE(((time & 0x7fff) << 1) | 1, 3);
  return bytes;
}
