import type { Rendition } from '../../media/rendition.js';
import type { RunPlace, TrackFacts } from '../live-segment.js';
import { TimedEvents } from '../timed-events.js';
import { BroadcastIndex, type RecordedRun, type RecordedTrack } from './broadcast-index.js';
import { SegmentColumns } from './segment-columns.js';

/**
 * What the object `live/<broadcastId>/archive.json` says: all that is needed to write the manifests of a broadcast that is over.
 * A build that must say more writes a higher version.
 */
interface ArchiveFile {
  readonly version: 1;
  readonly broadcastId: string;
  readonly channel: string;
  readonly complete: boolean;
  /** What was told beside the media, as `TimedEvents` writes it down; null: nothing was. */
  readonly told: string | null;
  readonly runs: readonly ArchivedRun[];
}

interface ArchivedRun {
  readonly run: number;
  readonly startedAt: number;
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  readonly place: RunPlace;
  readonly renditions: readonly Rendition[];
  readonly tracks: readonly ArchivedTrack[];
}

/** Rows as columns, in the order of their numbers from `first` on; times in ticks; 0 bytes: a gap. */
interface ArchivedTrack {
  readonly rendition: string;
  readonly facts: TrackFacts;
  readonly first: number;
  readonly start: readonly number[];
  readonly duration: readonly number[];
  readonly bytes: readonly number[];
}

export const archiveKey = (broadcastId: string): string => `${archivePrefix(broadcastId)}archive.json`;

/** Under which everything of a broadcast stands in the store. */
export const archivePrefix = (broadcastId: string): string => `live/${broadcastId}/`;

/** A broadcast that is over, as its archive has it. */
export interface ArchivedIndex {
  readonly index: BroadcastIndex;
  readonly told: TimedEvents | null;
}

export function writeArchive({ index, told }: ArchivedIndex, complete: boolean): string {
  const { broadcastId, channel } = index;
  const facts = { version: 1, broadcastId, channel, complete, told: told?.serialise() ?? null } as const;
  const file: ArchiveFile = { ...facts, runs: index.runs.map((run) => archivedRun(run, run === index.runs.at(-1))) };
  return JSON.stringify(file);
}

/** Null where it is of a version that this build does not know. Throws where it is no JSON. */
export function readArchive(text: string): ArchivedIndex | null {
  const file = JSON.parse(text) as ArchiveFile;
  if (file.version !== 1) return null;
  const { broadcastId, channel, told } = file;
  return {
    index: BroadcastIndex.of(broadcastId, channel, file.runs.map(recordedRun)),
    told: told ? TimedEvents.restored(broadcastId, told) : null,
  };
}

function archivedRun({ tracks, resumptions: _, ...run }: RecordedRun, isLast: boolean): ArchivedRun {
  return { ...run, tracks: [...tracks.values()].map((track) => archivedTrack(track, isLast)) };
}

/** A gap at the very end is between this broadcast and the next one: it is none of the video's. */
function archivedTrack({ rendition, facts, segments }: RecordedTrack, isLast: boolean): ArchivedTrack {
  const all = [...segments];
  const rows = isLast ? all.slice(0, all.findLastIndex(({ bytes }) => bytes > 0) + 1) : all;
  return {
    rendition: rendition.id,
    facts,
    first: segments.first,
    start: rows.map((row) => row.start),
    duration: rows.map((row) => row.duration),
    bytes: rows.map((row) => row.bytes),
  };
}

function recordedRun({ tracks, ...run }: ArchivedRun): RecordedRun {
  const recorded = tracks.flatMap((track) => recordedTrack(run.renditions, track) ?? []);
  return { ...run, tracks: new Map(recorded.map((track) => [track.rendition.id, track])), resumptions: [] };
}

function recordedTrack(renditions: readonly Rendition[], track: ArchivedTrack): RecordedTrack | null {
  const rendition = renditions.find(({ id }) => id === track.rendition);
  if (rendition === undefined) return null;
  const segments = new SegmentColumns(track.first);
  for (const [at, start] of track.start.entries()) {
    segments.push({ start, duration: track.duration[at] ?? 0, bytes: track.bytes[at] ?? 0 });
  }
  return { rendition, facts: track.facts, segments, spent: { bits: 0, seconds: 0, peak: 0 } };
}
