import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { TIMELINE_OFFSET_SEC } from '../src/origin/cmaf/ffmpeg-live.fixture.js';
import { fragmentFeed } from '../src/origin/cmaf/fragment-feed.fixture.js';
import type { RunSink } from '../src/origin/live-channel.js';
import { RENDITIONS } from '../src/origin/origin.fixture.js';
import type { Origin } from '../src/origin/origin.js';

/** Whole segments of pictures and whole frames of sound: 750 of 1024 samples. */
const LOOP_SEC = 16;
const TRACKS = [
  { id: 'v180', timescale: 90_000 },
  { id: 'audio', timescale: 48_000 },
] as const;

interface Piece {
  readonly startSec: number;
  readonly bytes: Buffer;
}

interface Track {
  readonly timescale: number;
  readonly writable: Writable;
  readonly loop: readonly Piece[];
  given: number;
}

/**
 * A broadcast as long as one likes, without an encoder: a few seconds that ffmpeg made once, put one behind the other with new
 * decode times, as fast as the origin takes them.
 *
 * Lifetime: from `open` to `end`.
 */
export class LoopedBroadcast {
  readonly #sink: RunSink;
  readonly #tracks: readonly Track[];

  private constructor(sink: RunSink, tracks: readonly Track[]) {
    this.#sink = sink;
    this.#tracks = tracks;
  }

  static async open(
    origin: Origin,
    facts: { channel: string; broadcastId: string; startedAt: number },
  ): Promise<LoopedBroadcast> {
    const feed = await fragmentFeed({ seconds: LOOP_SEC + 2 });
    const renditions = RENDITIONS.filter(({ id }) => TRACKS.some((track) => track.id === id));
    const timing = { cut: 'grid', segmentSec: 2, keyIntervalSec: 0, partSec: 0.2 } as const;
    const sink = origin.fragments.openRun({
      ...facts,
      ...timing,
      timelineOffsetSec: TIMELINE_OFFSET_SEC,
      renditions,
    });
    const tracks = TRACKS.map(({ id, timescale }) => {
      const [header = Buffer.alloc(0), ...fragments] = feed[id];
      const writable = sink.rendition(id);
      writable.write(header);
      return { timescale, writable, loop: loopOf(fragments, timescale), given: 0 };
    });
    return new LoopedBroadcast(sink, tracks);
  }

  /** Hands on all that begins before this second of the timeline. */
  async playTo(second: number): Promise<void> {
    await Promise.all(this.#tracks.map((track) => giveUpTo(track, second)));
  }

  /** Once everything that was handed on has been taken, however slow the disk. */
  async end(): Promise<void> {
    await Promise.all(this.#tracks.map(({ writable }) => finished(writable.end())));
    this.#sink.end();
  }
}

async function giveUpTo(track: Track, second: number): Promise<void> {
  for (;;) {
    const { loop, given, timescale, writable } = track;
    const piece = loop[given % loop.length];
    const loopSec = Math.floor(given / loop.length) * LOOP_SEC;
    if (piece === undefined || piece.startSec + loopSec >= second) return;
    track.given += 1;
    const bytes = Buffer.from(piece.bytes);
    bytes.writeBigUInt64BE(decodeTime(bytes) + BigInt(loopSec * timescale), decodeTimeAt(bytes));
    await new Promise<void>((resolve, reject) => {
      writable.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }
}

function loopOf(fragments: readonly Buffer[], timescale: number): Piece[] {
  const [first] = fragments;
  if (first === undefined) throw new Error('ffmpeg made nothing');
  const end = decodeTime(first) + BigInt(LOOP_SEC * timescale);
  const count = fragments.findIndex((bytes) => decodeTime(bytes) === end);
  if (count < 0) throw new Error(`no fragment begins ${LOOP_SEC} s after the first`);
  return fragments.slice(0, count).map((bytes) => ({
    startSec: Number(decodeTime(bytes)) / timescale - TIMELINE_OFFSET_SEC,
    bytes,
  }));
}

/** Of a `tfdt` of version 1, which is what ffmpeg writes (ISO/IEC 14496-12 §8.8.12): type, version and flags, then the time. */
const decodeTimeAt = (fragment: Buffer): number => fragment.indexOf('tfdt') + 8;
const decodeTime = (fragment: Buffer): bigint => fragment.readBigUInt64BE(decodeTimeAt(fragment));
