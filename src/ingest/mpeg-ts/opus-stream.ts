import { opusPacketSamples, writeOpusHead } from '../opus-config.js';
import { AudioClock } from './audio-clock.js';
import { type ElementaryStream, type StreamOutput, TIMESCALE } from './elementary-stream.js';

const SAMPLE_RATE = 48_000;
/** What encoders of this kind leave at the start (RFC 7845 §4.2 recommends 80 ms at most; libopus: 6.5 ms). */
const PRE_SKIP = 312;
/** The first 11 bits of every control header. */
const PREFIX = 0x7fe0;
const PREFIX_MASK = 0xffe0;

/**
 * Opus in MPEG-TS: access units with control headers ("Opus in MPEG-TS" §4), whole in their PES packet.
 *
 * Lifetime: as long as the PMT lists the stream.
 */
export class OpusStream implements ElementaryStream {
  readonly #output: StreamOutput;
  readonly #channels: number;
  readonly #clock = new AudioClock();
  #configured = false;

  constructor(channels: number, output: StreamOutput) {
    this.#channels = channels;
    this.#output = output;
  }

  unit(payload: Buffer, pts: number | null): void {
    if (pts !== null) this.#clock.set(pts);
    let rest = Buffer.from(payload);
    for (;;) {
      const read = readAccessUnit(rest);
      if (read === null) return;
      this.#packet(read.packet);
      rest = rest.subarray(read.end);
    }
  }

  lost(): void {
    this.#clock.forget();
  }

  #packet(data: Buffer): void {
    const samples = opusPacketSamples(data);
    const time = samples > 0 ? this.#clock.take(samples, SAMPLE_RATE) : null;
    if (time === null) return;
    if (!this.#configured) {
      const head = writeOpusHead({ channels: this.#channels, preSkip: PRE_SKIP, sampleRate: SAMPLE_RATE });
      this.#output.onConfig({ track: 'audio', codec: 'opus', data: head });
      this.#configured = true;
    }
    const times = { dts: time, pts: time, timescale: TIMESCALE };
    this.#output.onFrame({ track: 'audio', codec: 'opus', ...times, key: true, data });
  }
}

/** Null where none begins, or it is not whole. */
function readAccessUnit(bytes: Buffer): { packet: Buffer; end: number } | null {
  if (bytes.length < 3) return null;
  const head = bytes.readUInt16BE(0);
  if ((head & PREFIX_MASK) !== PREFIX) return null;
  let at = 2;
  let size = 0;
  for (let byte = 255; byte === 255; at++) {
    byte = bytes[at] ?? -1;
    if (byte < 0) return null;
    size += byte;
  }
  if ((head & 0x10) !== 0) at += 2;
  if ((head & 0x08) !== 0) at += 2;
  if ((head & 0x04) !== 0) at += 1 + (bytes[at] ?? 0);
  const end = at + size;
  return size > 0 && end <= bytes.length ? { packet: bytes.subarray(at, end), end } : null;
}
