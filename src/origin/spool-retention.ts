import { join } from 'node:path';
import { segmentName } from './live-segment.js';
import type { SpoolDisk } from './spool-disk.js';
import { JOURNAL_NAME, readJournalLine } from './spool-journal.js';
import type { SpoolShelf } from './spool-shelf.js';

export interface Retention {
  /** What is older goes, ms. */
  readonly ageMaxMs: number;
  /** Above this the oldest go, bytes. */
  readonly bytesMax: number;
}

export interface Sweep {
  readonly folderOf: (shelf: SpoolShelf) => string;
  readonly disk: SpoolDisk;
  readonly now: number;
  readonly retention: Retention;
}

/** Which ended broadcasts go as a whole: those past their age, then the oldest until the rest fits. */
export function broadcastsToDrop(shelves: readonly SpoolShelf[], now: number, retention: Retention): SpoolShelf[] {
  const dropped: SpoolShelf[] = [];
  let total = shelves.reduce((sum, shelf) => sum + shelf.bytes, 0);
  const ended = shelves.filter((shelf) => shelf.endedAt !== null).sort((a, b) => a.lastAt - b.lastAt);
  for (const shelf of ended) {
    if (total <= retention.bytesMax && shelf.lastAt >= now - retention.ageMaxMs) continue;
    dropped.push(shelf);
    total -= shelf.bytes;
  }
  return dropped;
}

/**
 * How many bytes to take out of a broadcast that is still running. Reading a long journal is dear: it is done a twentieth
 * of the age, or of the bytes, at a time. Null: nothing to do yet.
 */
export function trimDue(shelf: SpoolShelf, total: number, now: number, retention: Retention): number | null {
  if (total > retention.bytesMax) return total - retention.bytesMax * 0.95;
  return shelf.oldestAt < now - retention.ageMaxMs * 1.05 ? 0 : null;
}

/**
 * Takes the oldest segments out of a broadcast that is still running: those past their age, and as many more as free
 * `bytesOver`. The journal is written anew without them, while the shelf's own writes wait.
 */
export function trimShelf(shelf: SpoolShelf, sweep: Sweep, bytesOver: number): Promise<void> {
  return shelf.exclusively(async () => {
    const journal = join(sweep.folderOf(shelf), JOURNAL_NAME);
    const kept: string[] = [];
    let freed = 0;
    let oldestAt = sweep.now;
    for await (const line of sweep.disk.lines(journal)) {
      const record = readJournalLine(line);
      if (record?.kind === 'segment' && (record.at < sweep.now - sweep.retention.ageMaxMs || freed < bytesOver)) {
        await sweep.disk.remove(join(sweep.folderOf(shelf), record.rendition, segmentName(record.number)));
        freed += record.bytes;
        continue;
      }
      if (record?.kind === 'segment') oldestAt = Math.min(oldestAt, record.at);
      if (record !== null) kept.push(line);
    }
    if (freed > 0) await sweep.disk.write(journal, `${kept.join('\n')}\n`);
    shelf.bytes -= freed;
    shelf.oldestAt = oldestAt;
  });
}
