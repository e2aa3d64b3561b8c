import type { Rendition } from '../media/rendition.js';
import type { LiveRun, LiveSegment, RunInit, TrackFacts } from './live-segment.js';

/**
 * What a broadcast's journal says, one JSON object a line. `segment` means announced: everything that a player was ever
 * told of stands here. Readers skip lines that do not parse (a torn last line) and kinds that they do not know.
 */
export type JournalRecord =
  | { readonly kind: 'broadcast'; readonly version: 1; readonly channel: string; readonly startedAt: number }
  | RunRecord
  | ({ readonly kind: 'init'; readonly run: number; readonly rendition: string; readonly track: TrackFacts } & Sized)
  | SegmentRecord
  | { readonly kind: 'incomplete'; readonly at: number; readonly reason: string }
  /** `cutOff`: written at the next start, since the box was gone before it could say. */
  | { readonly kind: 'end'; readonly at: number; readonly cutOff?: true }
  /** What was to be kept of it is in the store, and what was to be told is told: the spool may forget it. */
  | { readonly kind: 'recorded'; readonly at: number };

interface Sized {
  readonly bytes: number;
}

export interface RunRecord {
  readonly kind: 'run';
  readonly run: number;
  readonly startedAt: number;
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  readonly grid?: boolean;
  /** Null or absent: segments came whole. */
  readonly partSec?: number | null;
  readonly renditions: readonly Rendition[];
  readonly place: NonNullable<LiveRun['place']>;
}

export interface SegmentRecord extends Sized {
  readonly kind: 'segment';
  /** Announced at, epoch ms. */
  readonly at: number;
  readonly run: number;
  readonly rendition: string;
  readonly number: number;
  /** Ticks. */
  readonly start: number;
  readonly duration: number;
  /** Its bytes have left the spool. */
  readonly gone?: true;
}

export const JOURNAL_NAME = 'journal.jsonl';

export function journalLine(record: JournalRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Null for a line that is torn, or of a kind from a later version. */
export function readJournalLine(line: string): JournalRecord | null {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && 'kind' in record ? (record as JournalRecord) : null;
  } catch {
    return null;
  }
}

export function runRecord(run: LiveRun): RunRecord {
  const { startedAt, timelineOffsetSec, segmentSec, grid = false, partSec, renditions, place } = run;
  if (place === null) throw new Error('a run is journalled once it has its place');
  const timing = { startedAt, timelineOffsetSec, segmentSec, grid, partSec };
  return { kind: 'run', run: run.run, ...timing, renditions, place };
}

export function segmentRecord(segment: LiveSegment, at: number): SegmentRecord {
  const { run, rendition, number, start, duration, size } = segment;
  return { kind: 'segment', at, run: run.run, rendition, number, start, duration, bytes: size };
}

/** What a broadcast's journal amounts to: its ends, and the last segments of each rendition. */
export interface JournalSummary {
  readonly broadcastId: string;
  readonly channel: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** The box went before the broadcast did: more may have been told of it than stands here. */
  readonly cutOff: boolean;
  /** The highest that any segment had; -1: there was none. */
  readonly lastNumber: number;
  /** The last time that anything was announced, epoch ms. */
  readonly lastAt: number;
  readonly bytes: number;
  readonly incomplete: boolean;
  readonly recorded: boolean;
  readonly runs: readonly LiveRun[];
  /** By rendition, oldest first. */
  readonly tail: ReadonlyMap<string, readonly SegmentRecord[]>;
}

/** Reads a journal to its end, telling each segment and holding `tailLength` of each rendition. Null when it does not say whose it is. */
export async function summarizeJournal(
  broadcastId: string,
  lines: AsyncIterable<string>,
  tailLength: number,
  onSegment: (segment: SegmentRecord, run: LiveRun) => void = () => undefined,
): Promise<JournalSummary | null> {
  let head: Extract<JournalRecord, { kind: 'broadcast' }> | null = null;
  const end = { endedAt: null as number | null, cutOff: true };
  const state = { lastNumber: -1, lastAt: 0, bytes: 0, incomplete: false, recorded: false };
  const runs = new Map<number, LiveRun>();
  const tail = new Map<string, SegmentRecord[]>();
  for await (const line of lines) {
    const record = readJournalLine(line);
    if (record === null) continue;
    if (record.kind === 'broadcast') head = record;
    else if (record.kind === 'run') runs.set(record.run, runOf(broadcastId, record));
    else if (record.kind === 'end') Object.assign(end, { endedAt: record.at, cutOff: record.cutOff ?? false });
    else if (record.kind === 'incomplete') state.incomplete = true;
    else if (record.kind === 'recorded') state.recorded = true;
    else if (record.kind === 'init') addInit(runs.get(record.run), record.rendition, record.track);
    else if (record.kind === 'segment') {
      addSegment(tail, record, tailLength);
      state.lastNumber = Math.max(state.lastNumber, record.number);
      const run = runs.get(record.run);
      if (run !== undefined) onSegment(record, run);
    }
    if ('bytes' in record && !('gone' in record)) state.bytes += record.bytes;
    if ('at' in record) state.lastAt = Math.max(state.lastAt, record.at);
  }
  if (head === null) return null;
  const { channel, startedAt } = head;
  return { broadcastId, channel, startedAt, ...end, ...state, runs: [...runs.values()], tail };
}

function runOf(broadcastId: string, record: RunRecord): LiveRun {
  return { ...record, partSec: record.partSec ?? null, broadcastId, inits: new Map() };
}

function addInit(run: LiveRun | undefined, rendition: string, track: TrackFacts): void {
  const init: RunInit = { ...track, bytes: null };
  run?.inits.set(rendition, init);
}

function addSegment(tail: Map<string, SegmentRecord[]>, record: SegmentRecord, tailLength: number): void {
  const segments = tail.get(record.rendition) ?? [];
  // A failed append may have left a record that was then written again.
  if (record.number <= (segments.at(-1)?.number ?? -1)) return;
  segments.push(record);
  if (segments.length > tailLength) segments.shift();
  tail.set(record.rendition, segments);
}
