import type { Rendition } from '../../media/rendition.js';
import type { RunPlace, TrackFacts } from '../live-segment.js';
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

export function writeArchive(index: BroadcastIndex, complete: boolean): string {
  const { broadcastId, channel } = index;
  const file: ArchiveFile = { version: 1, broadcastId, channel, complete, runs: index.runs.map(archivedRun) };
  return JSON.stringify(file);
}

/** Null where it is of a version that this build does not know. Throws where it is no JSON. */
export function readArchive(text: string): BroadcastIndex | null {
  const file = JSON.parse(text) as ArchiveFile;
  if (file.version !== 1) return null;
  return BroadcastIndex.of(file.broadcastId, file.channel, file.runs.map(recordedRun));
}

function archivedRun({ tracks, resumptions: _, ...run }: RecordedRun): ArchivedRun {
  return { ...run, tracks: [...tracks.values()].map(archivedTrack) };
}

function archivedTrack({ rendition, facts, segments }: RecordedTrack): ArchivedTrack {
  const rows = [...segments];
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
