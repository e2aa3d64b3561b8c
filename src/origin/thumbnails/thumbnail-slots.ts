import type { PackagedRendition } from '../../media/packaged-rendition.js';
import type { BroadcastIndex, RecordedRun, RecordedTrack } from '../recording/broadcast-index.js';
import { leadingTrack, type RecordedSpan, rowsOf, wallClock } from '../recording/recorded-span.js';

/** One picture for so many seconds. */
export const THUMBNAIL_SEC = 10;

/** One picture, and when it is the one to show: on the timeline that its list is of, seconds. */
export interface ThumbnailCue {
  readonly startSec: number;
  readonly owner: string;
  /** Of the segment whose first picture it is. */
  readonly number: number;
}

/** A list of pictures; the last one is shown until `endSec`. */
export interface ThumbnailList {
  readonly cues: readonly ThumbnailCue[];
  readonly endSec: number;
}

/** The smallest picture that a run has. */
export function smallestTrack({ tracks }: RecordedRun): RecordedTrack | null {
  const height = ({ rendition }: RecordedTrack) => (rendition.kind === 'video' ? rendition.height : 0);
  const video = [...tracks.values()].filter(({ rendition }) => rendition.kind === 'video');
  return video.sort((a, b) => height(a) - height(b))[0] ?? null;
}

/** Whether a segment is the first of its slot: only those have a picture. */
export function opensSlot({ segments, facts }: RecordedTrack, number: number): boolean {
  const [before, row] = [segments.at(number - 1), segments.at(number)];
  if (row === null || row.bytes === 0) return false;
  if (before === null || before.bytes === 0) return true;
  const slot = (start: number) => Math.floor(start / facts.timescale / THUMBNAIL_SEC);
  return slot(before.start) !== slot(row.start);
}

/** Of what a channel shows of its past; times count from `zeroMs` (epoch ms). */
export function liveThumbnails(spans: readonly RecordedSpan[], zeroMs: number): ThumbnailList {
  const cues: ThumbnailCue[] = [];
  let endSec = 0;
  for (const { index, run, first, end } of spans) {
    const track = smallestTrack(run);
    if (track === null) continue;
    const at = (ticks: number) => (wallClock(run, track, ticks) - zeroMs) / 1000;
    const opener = openerOf(index, track, first);
    for (const { number, start, duration } of rowsOf(track, first, end)) {
      endSec = at(start + duration);
      if (number === first && opener !== null) cues.push(cueOf(index, at(start), opener));
      else if (opensSlot(track, number)) cues.push(cueOf(index, at(start), number));
    }
  }
  return { cues, endSec };
}

/** Of a broadcast that is a video: its playlists leave out the pauses between runs, and so do these times. */
export function archiveThumbnails(spans: readonly RecordedSpan[]): ThumbnailList {
  const cues: ThumbnailCue[] = [];
  let passed = 0;
  for (const { index, run, first, end } of spans) {
    const smallest = smallestTrack(run);
    const track = smallest ?? leadingTrack(run);
    if (track === null) continue;
    for (const { number, duration } of rowsOf(track, first, end)) {
      if (smallest !== null && opensSlot(track, number)) cues.push(cueOf(index, passed, number));
      passed += duration / track.facts.timescale;
    }
  }
  return { cues, endSec: passed };
}

/** Of an uploaded video. */
export function videoThumbnails(videoId: string, packaged: PackagedRendition): ThumbnailList {
  const { segments, timescale } = packaged;
  const origin = segments[0]?.start ?? 0;
  const cues = segments.flatMap(({ start }, at) =>
    opensPackagedSlot(packaged, at) ? [{ startSec: (start - origin) / timescale, owner: videoId, number: at + 1 }] : [],
  );
  const last = segments.at(-1);
  return { cues, endSec: last === undefined ? 0 : (last.start + last.duration - origin) / timescale };
}

export function opensPackagedSlot({ segments, timescale }: PackagedRendition, at: number): boolean {
  const [before, segment] = [segments[at - 1], segments[at]];
  const slot = (start: number) => Math.floor((start - (segments[0]?.start ?? 0)) / timescale / THUMBNAIL_SEC);
  return segment !== undefined && (before === undefined || slot(before.start) !== slot(segment.start));
}

/** The smallest picture of an uploaded video. */
export function smallestPackaged(renditions: readonly PackagedRendition[]): PackagedRendition | null {
  const height = ({ rendition }: PackagedRendition) => (rendition.kind === 'video' ? rendition.height : 0);
  const video = renditions.filter(({ rendition }) => rendition.kind === 'video');
  return video.sort((a, b) => height(a) - height(b))[0] ?? null;
}

/** The picture of the slot that a window begins within; null where that is not known any more. */
function openerOf(index: BroadcastIndex, track: RecordedTrack, first: number): number | null {
  const lowest = Math.max(track.segments.first, index.runOf(first)?.place.firstNumber ?? 0);
  for (let number = first; number >= lowest; number -= 1) if (opensSlot(track, number)) return number;
  return null;
}

const cueOf = ({ broadcastId }: BroadcastIndex, startSec: number, number: number): ThumbnailCue => ({
  startSec,
  owner: broadcastId,
  number,
});
