import { AudioClock } from './audio-clock.js';
import { type ElementaryStream, type StreamOutput, TIMESCALE } from './elementary-stream.js';
import { HEADER_BYTES, type MpegAudioHeader, readMpegAudioHeader } from './mpeg-audio-frame.js';

/** The bits of a header that stay the same through a stream: sync, version, layer, sample rate. */
const SAME_STREAM = 0xfffe_0c00;

/**
 * MP3: one frame for each MPEG audio frame, which may begin in one PES packet and end in the next. Layers I and II are
 * a fault: stream_type 3 and 4 name all three.
 *
 * Lifetime: as long as the PMT lists the stream. Keeps one unfinished frame at most (1,441 bytes).
 */
export class MpegAudioStream implements ElementaryStream {
  readonly #output: StreamOutput;
  readonly #clock = new AudioClock();
  #rest: Buffer = Buffer.alloc(0);
  /** The header that the config was made of; 0 before. */
  #configured = 0;

  constructor(output: StreamOutput) {
    this.#output = output;
  }

  unit(payload: Buffer, pts: number | null): void {
    const begun = this.#rest.length;
    const bytes = Buffer.concat([this.#rest, payload]);
    this.#rest = Buffer.alloc(0);
    let placed = false;
    let at = 0;
    for (;;) {
      at = bytes.indexOf(0xff, at);
      if (at === -1) break;
      if (!placed && at >= begun && pts !== null) {
        this.#clock.set(pts);
        placed = true;
      }
      const header = readMpegAudioHeader(bytes, at);
      if (header !== null && header.layer !== 3) {
        this.#refuseLayer(header.layer);
        return;
      }
      const end = at + (header?.frameBytes ?? 0);
      if (at + HEADER_BYTES > bytes.length || end > bytes.length) {
        this.#rest = bytes.subarray(at);
        break;
      }
      if (header === null || header.frameBytes === 0) at++;
      else {
        this.#frame(header, bytes.subarray(at, end));
        at = end;
      }
    }
    if (!placed && pts !== null) this.#clock.set(pts);
  }

  lost(): void {
    this.#rest = Buffer.alloc(0);
    this.#clock.forget();
  }

  #frame(header: MpegAudioHeader, data: Buffer): void {
    const time = this.#clock.take(header.samples, header.sampleRate);
    if (time === null) return;
    const word = (data.readUInt32BE(0) & SAME_STREAM) >>> 0;
    if (word !== this.#configured) {
      this.#configured = word;
      this.#output.onConfig({ track: 'audio', codec: 'mp3', data: Buffer.from(data.subarray(0, HEADER_BYTES)) });
    }
    const times = { dts: time, pts: time, timescale: TIMESCALE };
    this.#output.onFrame({ track: 'audio', codec: 'mp3', ...times, key: true, data });
  }

  /** Damage looks like anything, so one header of another layer in the middle of a stream says nothing. */
  #refuseLayer(layer: number): void {
    if (this.#configured === 0) this.#output.onFault(`MPEG audio layer ${layer} is not supported: send AAC`);
  }
}
