import type { AudioRendition, VideoRendition } from '../../media/rendition.js';
import type { TrackFacts } from '../live-segment.js';
import type { IndexedSegment } from './broadcast-index.js';

export const BROADCAST = 'b_0000000000000001';

export const V360: VideoRendition = {
  ...{ kind: 'video', id: 'v360', width: 640, height: 360, frameRate: 25 },
  ...{ bitrate: 800_000, maxBitrate: 1_000_000 },
};
export const V720: VideoRendition = { ...V360, id: 'v720', width: 1280, height: 720, maxBitrate: 3_000_000 };
export const AUDIO: AudioRendition = { kind: 'audio', id: 'audio', bitrate: 96_000, sampleRate: 48_000, channels: 2 };

export const STARTED_AT = 1_700_000_000_000;

const FACTS: Record<'video' | 'audio', TrackFacts> = {
  video: { kind: 'video', timescale: 90_000, codecs: 'avc1.64001f', width: 640, height: 360, sampleRate: 0 },
  audio: { kind: 'audio', timescale: 48_000, codecs: 'mp4a.40.2', width: 0, height: 0, sampleRate: 48_000 },
};

type Run = IndexedSegment['run'];

/** A run whose first segment has this number, and begins so many seconds into the broadcast. */
export function aRun(
  facts: { run?: number; firstNumber?: number; atSec?: number; renditions?: Run['renditions'] } = {},
): Run {
  const { run = 1, firstNumber = 0, atSec = 0, renditions = [V360, AUDIO] } = facts;
  const place = { base: firstNumber - atSec / 2, firstNumber, discontinuity: run - 1, zeroMs: atSec * 1000 };
  const inits = new Map(renditions.map(({ id, kind }) => [id, { ...FACTS[kind], bytes: null }]));
  return { run, startedAt: STARTED_AT, timelineOffsetSec: 10, segmentSec: 2, renditions, place, inits };
}

/** Two seconds in that slot. */
export function aSegment(run: Run, rendition: string, number: number): IndexedSegment {
  const timescale = run.inits.get(rendition)?.timescale ?? 1;
  const start = ((number - (run.place?.base ?? 0)) * 2 + run.timelineOffsetSec) * timescale;
  return { run, rendition, number, start, duration: 2 * timescale, size: 1000 + number };
}
