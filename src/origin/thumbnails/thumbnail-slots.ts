import type { PackagedRendition } from '../../media/packaged-rendition.js';
import type { BroadcastIndex, RecordedRun, RecordedTrack } from '../recording/broadcast-index.js';
import { leadingTrack, type RecordedSpan, rowsOf, wallClock } from '../recording/recorded-span.js';
import { SHEET_PICTURES, type TileSize, tileSizeOf } from './thumbnail-sheets.js';

/** One picture for so many seconds. */
const SLOT_SEC = 10;

/** One picture, and when it is the one to show: on the timeline that its list is of, seconds. */
interface ThumbnailCue {
  readonly startSec: number;
  /** Of the segment whose first picture it is. */
  readonly number: number;
}

/** Pictures that follow one another and are on one sheet: at most `SHEET_PICTURES`. */
interface ThumbnailSheet {
  readonly owner: string;
  readonly tile: TileSize;
  readonly cues: readonly ThumbnailCue[];
}

/** A list of pictures; the last one is shown until `endSec`. */
export interface ThumbnailList {
  readonly sheets: readonly ThumbnailSheet[];
  readonly endSec: number;
}

/** A picture with the stretch of its track that shares a sheet: numbered on the track's own timeline, so that no window moves it. */
interface Placed extends ThumbnailCue {
  readonly owner: string;
  readonly tile: TileSize;
  readonly stretch: string;
  /** It is the first picture of its stretch. */
  readonly opens: boolean;
}

/** The smallest picture that a run has. */
export function smallestTrack({ tracks }: RecordedRun): RecordedTrack | null {
  const height = ({ rendition }: RecordedTrack) => (rendition.kind === 'video' ? rendition.height : 0);
  const video = [...tracks.values()].filter(({ rendition }) => rendition.kind === 'video');
  return video.sort((a, b) => height(a) - height(b))[0] ?? null;
}

/** Up to `count` segments from a number on that are the first of their slots, as one sheet may hold them. */
export function openersFrom(track: RecordedTrack, first: number, count: number): number[] {
  const openers: number[] = [];
  const stretch = stretchOf(track, first);
  for (const { number } of rowsOf(track, first, Number.POSITIVE_INFINITY)) {
    if (openers.length === count || stretchOf(track, number) !== stretch) break;
    if (opensSlot(track, number)) openers.push(number);
  }
  return openers[0] === first ? openers : [];
}

/** Of what a channel shows of its past; times count from `zeroMs` (epoch ms). */
export function liveThumbnails(spans: readonly RecordedSpan[], zeroMs: number): ThumbnailList {
  const placed: Placed[] = [];
  let endSec = 0;
  for (const { index, run, first, end } of spans) {
    const track = smallestTrack(run);
    if (track === null) continue;
    const at = (ticks: number) => (wallClock(run, track, ticks) - zeroMs) / 1000;
    const opener = openerOf(index, track, first);
    for (const { number, start, duration } of rowsOf(track, first, end)) {
      endSec = at(start + duration);
      if (number === first && opener !== null) placed.push(placedOf(index, run, track, at(start), opener));
      else if (opensSlot(track, number)) placed.push(placedOf(index, run, track, at(start), number));
    }
  }
  // A sheet that still grows, or has lost its beginning, would be another one every few seconds.
  const [open, begun] = [placed.at(-1)?.stretch, placed[0]?.opens];
  const cut = begun ? undefined : placed[0]?.stretch;
  return { sheets: sheetsOf(placed, ({ stretch }) => stretch !== open && stretch !== cut), endSec };
}

/** Of a broadcast that is a video: its playlists leave out the pauses between runs, and so do these times. */
export function archiveThumbnails(spans: readonly RecordedSpan[]): ThumbnailList {
  const placed: Placed[] = [];
  let passed = 0;
  for (const { index, run, first, end } of spans) {
    const smallest = smallestTrack(run);
    const track = smallest ?? leadingTrack(run);
    if (track === null) continue;
    for (const { number, duration } of rowsOf(track, first, end)) {
      if (smallest !== null && opensSlot(track, number)) placed.push(placedOf(index, run, track, passed, number));
      passed += duration / track.facts.timescale;
    }
  }
  return { sheets: sheetsOf(placed, () => true), endSec: passed };
}

/** Of an uploaded video. */
export function videoThumbnails(videoId: string, packaged: PackagedRendition): ThumbnailList {
  const { segments, timescale, rendition } = packaged;
  const origin = segments[0]?.start ?? 0;
  const tile = tileSizeOf(rendition);
  const facts = { owner: videoId, tile, stretch: '', opens: false };
  const placed = packagedOpeners(packaged).map((number) => {
    const startSec = ((segments[number - 1]?.start ?? origin) - origin) / timescale;
    return { ...facts, startSec, number };
  });
  const last = segments.at(-1);
  const endSec = last === undefined ? 0 : (last.start + last.duration - origin) / timescale;
  return { sheets: sheetsOf(placed, () => true), endSec };
}

/** The numbers, from 1, of the segments of an uploaded video that are the first of their slots. */
export function packagedOpeners({ segments, timescale }: PackagedRendition): number[] {
  const slot = (start: number) => Math.floor((start - (segments[0]?.start ?? 0)) / timescale / SLOT_SEC);
  return segments.flatMap(({ start }, at) => {
    const before = segments[at - 1];
    return before === undefined || slot(before.start) !== slot(start) ? [at + 1] : [];
  });
}

/** The smallest picture of an uploaded video. */
export function smallestPackaged(renditions: readonly PackagedRendition[]): PackagedRendition | null {
  const height = ({ rendition }: PackagedRendition) => (rendition.kind === 'video' ? rendition.height : 0);
  const video = renditions.filter(({ rendition }) => rendition.kind === 'video');
  return video.sort((a, b) => height(a) - height(b))[0] ?? null;
}

/** Whether a segment is the first of its slot: only those have a picture. */
function opensSlot(track: RecordedTrack, number: number): boolean {
  const { segments } = track;
  const [before, row] = [segments.at(number - 1), segments.at(number)];
  if (row === null || row.bytes === 0) return false;
  return before === null || before.bytes === 0 || slotOf(track, before.start) !== slotOf(track, row.start);
}

const slotOf = ({ facts }: RecordedTrack, start: number) => Math.floor(start / facts.timescale / SLOT_SEC);

function stretchOf(track: RecordedTrack, number: number): number {
  return Math.floor(slotOf(track, track.segments.at(number)?.start ?? 0) / SHEET_PICTURES);
}

/** The picture of the slot that a window begins within; null where that is not known any more. */
function openerOf(index: BroadcastIndex, track: RecordedTrack, first: number): number | null {
  const lowest = Math.max(track.segments.first, index.runOf(first)?.place.firstNumber ?? 0);
  for (let number = first; number >= lowest; number -= 1) if (opensSlot(track, number)) return number;
  return null;
}

function placedOf(
  { broadcastId: owner }: BroadcastIndex,
  run: RecordedRun,
  track: RecordedTrack,
  startSec: number,
  number: number,
): Placed {
  const stretch = stretchOf(track, number);
  // What has left at the front may have been of the same stretch.
  const known = track.segments.at(number - 1) !== null;
  const opens = known ? stretchOf(track, number - 1) !== stretch : number === run.place.firstNumber;
  const tile = tileSizeOf(track.rendition);
  return { startSec, number, owner, tile, stretch: `${owner} ${run.run} ${stretch}`, opens };
}

/** What shares a stretch shares a sheet, as far as that has room; what `shares` says no to has one of its own. */
function sheetsOf(placed: readonly Placed[], shares: (picture: Placed) => boolean): ThumbnailSheet[] {
  const sheets: { owner: string; tile: TileSize; stretch: string; cues: ThumbnailCue[] }[] = [];
  for (const picture of placed) {
    const { owner, tile, stretch, startSec, number } = picture;
    const last = sheets.at(-1);
    const fits = last !== undefined && last.stretch === stretch && last.cues.length < SHEET_PICTURES;
    if (fits && shares(picture)) last.cues.push({ startSec, number });
    else sheets.push({ owner, tile, stretch, cues: [{ startSec, number }] });
  }
  return sheets;
}
