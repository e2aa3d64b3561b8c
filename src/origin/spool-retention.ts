import { join } from 'node:path';
import { segmentName } from './live-segment.js';
import type { SpoolDisk } from './spool-disk.js';
import { JOURNAL_NAME, readJournalLine, type SegmentRecord } from './spool-journal.js';
import type { SpoolShelf } from './spool-shelf.js';

export interface Retention {
  /** What is older goes, ms. */
  readonly ageMaxMs: number;
  /** Above this the oldest go, bytes. */
  readonly bytesMax: number;
  /** What a store has as well goes after this, ms. Default: as all else. */
  readonly storedAgeMaxMs?: number;
}

/** Whoever follows the spool into a store; a spool that nobody follows forgets by age and bytes alone. */
export interface SpoolFollower {
  /** The store has its bytes. */
  hasStored(broadcastId: string, rendition: string, number: number): boolean;
  /** It may still be asked for by name, wherever its bytes are. */
  isIndexed(broadcastId: string, rendition: string, number: number): boolean;
}

export interface Sweep {
  readonly folderOf: (shelf: SpoolShelf) => string;
  readonly disk: SpoolDisk;
  readonly now: number;
  readonly retention: Retention;
  readonly follower: SpoolFollower | null;
}

/**
 * Which ended broadcasts go as a whole: those past their age, then the oldest until the rest fits. Where somebody follows, of
 * those alone that are recorded: the others keep their journals, which say what there was.
 */
export function broadcastsToDrop(
  shelves: readonly SpoolShelf[],
  now: number,
  retention: Retention,
  follower: SpoolFollower | null,
): SpoolShelf[] {
  const dropped: SpoolShelf[] = [];
  let total = shelves.reduce((sum, shelf) => sum + shelf.bytes, 0);
  const ageMaxMs = follower === null ? retention.ageMaxMs : (retention.storedAgeMaxMs ?? retention.ageMaxMs);
  const ended = shelves
    .filter((shelf) => shelf.endedAt !== null && (follower === null || shelf.recorded))
    .sort((a, b) => a.lastAt - b.lastAt);
  for (const shelf of ended) {
    if (total <= retention.bytesMax && shelf.lastAt >= now - ageMaxMs) continue;
    dropped.push(shelf);
    total -= shelf.bytes;
  }
  return dropped;
}

/**
 * How many bytes to take out of a broadcast that is still running, or still to be recorded. Reading a long journal is dear: it is done a twentieth
 * of the age or of the bytes at a time, or half of the age of what is stored. Null: nothing to do yet.
 */
export function trimDue(
  shelf: SpoolShelf,
  total: number,
  now: number,
  { bytesMax, ageMaxMs, storedAgeMaxMs = ageMaxMs }: Retention,
): number | null {
  if (total > bytesMax) return total - bytesMax * 0.95;
  if (shelf.oldestAt < now - ageMaxMs * 1.05) return 0;
  return storedAgeMaxMs < ageMaxMs && shelf.trimmedAt < now - storedAgeMaxMs * 0.5 ? 0 : null;
}

/**
 * Takes segments out of a broadcast: those past their age, of those that the store has as well the ones past theirs, and as
 * many more, the oldest first, as free `bytesOver`. The journal is written anew, without them where nobody asks for them any
 * more, while the shelf's own writes wait.
 */
export function trimShelf(shelf: SpoolShelf, sweep: Sweep, bytesOver: number): Promise<void> {
  return shelf.exclusively(async () => {
    const journal = join(sweep.folderOf(shelf), JOURNAL_NAME);
    const kept: string[] = [];
    let freed = 0;
    let changed = false;
    let oldestAt = sweep.now;
    for await (const line of sweep.disk.lines(journal)) {
      const record = readJournalLine(line);
      if (record === null) continue;
      if (record.kind !== 'segment') {
        kept.push(line);
        continue;
      }
      const goes = record.gone !== true && (freed < bytesOver || isOld(record, shelf, sweep));
      if (goes) {
        await sweep.disk.remove(join(sweep.folderOf(shelf), record.rendition, segmentName(record.number)));
        freed += record.bytes;
      }
      const gone = goes || record.gone === true;
      const stays = !gone || (sweep.follower?.isIndexed(shelf.broadcastId, record.rendition, record.number) ?? false);
      changed ||= goes || !stays;
      if (stays) kept.push(goes ? JSON.stringify({ ...record, gone: true }) : line);
      if (!gone) oldestAt = Math.min(oldestAt, record.at);
    }
    if (changed) await sweep.disk.write(journal, `${kept.join('\n')}\n`);
    shelf.bytes -= freed;
    shelf.oldestAt = oldestAt;
    shelf.trimmedAt = sweep.now;
  });
}

function isOld({ at, rendition, number }: SegmentRecord, { broadcastId }: SpoolShelf, sweep: Sweep): boolean {
  const { ageMaxMs, storedAgeMaxMs = ageMaxMs } = sweep.retention;
  if (at < sweep.now - ageMaxMs) return true;
  return at < sweep.now - storedAgeMaxMs && (sweep.follower?.hasStored(broadcastId, rendition, number) ?? false);
}
