import type { Codec, DecoderConfig, Frame, TrackKind } from '../../media/frame.js';
import type { SourceFacts } from '../../media/source-facts.js';
import { readOpusHead } from '../opus-config.js';
import { element, float, master, openMaster, sizeLength, text, uint, writeSize } from './ebml.js';

/** Matroska codec ids (Matroska Codec Specifications). */
const CODEC_IDS: Record<Codec, string> = {
  h264: 'V_MPEG4/ISO/AVC',
  hevc: 'V_MPEGH/ISO/HEVC',
  av1: 'V_AV1',
  vp8: 'V_VP8',
  vp9: 'V_VP9',
  aac: 'A_AAC',
  opus: 'A_OPUS',
  mp3: 'A_MPEG/L3',
};
/** Their decoder config goes in as CodecPrivate unchanged; the others need none (VP9's is optional and of another form). */
const HAS_PRIVATE: ReadonlySet<Codec> = new Set(['h264', 'hevc', 'av1', 'aac', 'opus']);
/** RFC 7845 §4.6: a decoder of Opus needs 80 ms to converge; in ns. */
const OPUS_PREROLL_NS = 80_000_000;
const TRACK_NUMBERS: Record<TrackKind, number> = { video: 1, audio: 2 };
const KEYFRAME = 0x80;
/** A block's time is a signed 16-bit distance from its cluster's; stay well inside. */
const CLUSTER_SPAN_MS = 5000;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_HEAD_BYTES = 4;
/** Up to here, copying a frame behind its head is cheaper than one more piece to write. */
const COPIED_BYTES_MAX = 1024;

/**
 * Writes live Matroska (RFC 9559): a Segment of unknown size, a Cluster of unknown size from each video keyframe (or
 * each five seconds), one SimpleBlock a frame. Nothing is held back and nothing is rewritten, so it suits a pipe.
 * Opus is stamped later by its pre-skip, which a reader takes off again (CodecDelay, RFC 9559 §5.1.4.1.25).
 *
 * Lifetime: one feed. `header()` once, then `block()` for each frame, in order of decode time.
 */
export class LiveWriter {
  readonly #configs: readonly DecoderConfig[];
  readonly #facts: SourceFacts;
  readonly #delayNs: Record<TrackKind, number>;
  #clusterMs: number | null = null;

  constructor(configs: readonly DecoderConfig[], facts: SourceFacts) {
    this.#configs = configs;
    this.#facts = facts;
    const opus = configs.find(({ codec }) => codec === 'opus');
    this.#delayNs = {
      video: 0,
      audio: opus === undefined ? 0 : Math.round((readOpusHead(opus.data)?.preSkip ?? 0) * (1e9 / 48_000)),
    };
  }

  header(): Buffer {
    const ebml = master(0x1a45dfa3, [
      uint(0x4286, 1),
      uint(0x42f7, 1),
      uint(0x42f2, 4),
      uint(0x42f3, 8),
      text(0x4282, 'matroska'),
      uint(0x4287, 4),
      uint(0x4285, 2),
    ]);
    const segmentInfo = master(0x1549a966, [
      uint(0x2ad7b1, 1_000_000),
      text(0x4d80, 'Headwater'),
      text(0x5741, 'Headwater'),
    ]);
    const tracks = master(
      0x1654ae6b,
      this.#configs.map((config) => this.#trackEntry(config)),
    );
    return Buffer.concat([ebml, openMaster(0x18538067), segmentInfo, tracks]);
  }

  /** The bytes of one frame (timescale 1000), in pieces; a `prefix` goes before the frame's own data in its block. */
  block(frame: Frame, prefix: Buffer | null = null): Buffer[] {
    const pieces: Buffer[] = [];
    const time = frame.pts + Math.round(this.#delayNs[frame.track] / 1e6);
    const startsGroup = frame.track === 'video' && frame.key;
    if (this.#clusterMs === null || startsGroup || Math.abs(time - this.#clusterMs) > CLUSTER_SPAN_MS) {
      this.#clusterMs = Math.max(0, frame.dts);
      pieces.push(openMaster(0x1f43b675), uint(0xe7, this.#clusterMs));
    }
    const head = blockHead(frame, blockOffset(time - this.#clusterMs), prefix);
    pieces.push(head.bytes);
    if (!head.holdsFrame) pieces.push(frame.data);
    return pieces;
  }

  #trackEntry(config: DecoderConfig): Buffer {
    const number = TRACK_NUMBERS[config.track];
    return master(0xae, [
      uint(0xd7, number),
      uint(0x73c5, number),
      uint(0x83, config.track === 'video' ? 1 : 2),
      uint(0x9c, 0),
      text(0x86, CODEC_IDS[config.codec]),
      ...(HAS_PRIVATE.has(config.codec) ? [element(0x63a2, config.data)] : []),
      ...(config.codec === 'opus' ? [uint(0x56aa, this.#delayNs.audio), uint(0x56bb, OPUS_PREROLL_NS)] : []),
      ...(config.track === 'video' ? this.#videoElements() : this.#audioElements()),
    ]);
  }

  #videoElements(): Buffer[] {
    const video = this.#facts.video;
    if (video === null) return [];
    const size = [uint(0xb0, video.width), uint(0xba, video.height)];
    const displayWidth = Math.round(video.width * video.sampleAspectRatio);
    if (displayWidth !== video.width) size.push(uint(0x54b0, displayWidth), uint(0x54ba, video.height));
    const settings = master(0xe0, [uint(0x9a, video.interlaced ? 1 : 2), ...size]);
    return video.frameRate === null ? [settings] : [uint(0x23e383, Math.round(1e9 / video.frameRate)), settings];
  }

  #audioElements(): Buffer[] {
    const audio = this.#facts.audio;
    return audio === null ? [] : [master(0xe1, [float(0xb5, audio.sampleRate), uint(0x9f, audio.channels)])];
  }
}

/** All of a SimpleBlock that comes before the frame's own bytes, and those too where they are few. */
function blockHead(frame: Frame, offset: number, prefix: Buffer | null): { bytes: Buffer; holdsFrame: boolean } {
  const prefixBytes = prefix?.length ?? 0;
  const size = BLOCK_HEAD_BYTES + prefixBytes + frame.data.length;
  const sizeBytes = sizeLength(size);
  const holdsFrame = frame.data.length <= COPIED_BYTES_MAX;
  const bytes = Buffer.allocUnsafe(1 + sizeBytes + (holdsFrame ? size : BLOCK_HEAD_BYTES + prefixBytes));
  bytes[0] = SIMPLE_BLOCK;
  writeSize(bytes, 1, size, sizeBytes);
  const at = 1 + sizeBytes;
  bytes[at] = 0x80 | TRACK_NUMBERS[frame.track];
  bytes.writeInt16BE(offset, at + 1);
  bytes[at + 3] = frame.key ? KEYFRAME : 0;
  prefix?.copy(bytes, at + BLOCK_HEAD_BYTES);
  if (holdsFrame) frame.data.copy(bytes, at + BLOCK_HEAD_BYTES + prefixBytes);
  return { bytes, holdsFrame };
}

/** A composition offset beyond half a minute is a damaged stamp; the block keeps to what 16 bits can say. */
function blockOffset(ms: number): number {
  return Math.max(-0x8000, Math.min(0x7fff, ms));
}
