import { type JournalSummary, summarizeJournal } from '../spool-journal.js';
import { BroadcastIndex } from './broadcast-index.js';

/** What a broadcast's journal tells of its segments, where it tells of any. */
export async function indexJournal(
  broadcast: { readonly broadcastId: string; readonly channel: string },
  lines: AsyncIterable<string>,
): Promise<{ index: BroadcastIndex; summary: JournalSummary } | null> {
  const { broadcastId, channel } = broadcast;
  const index = new BroadcastIndex(broadcastId, channel);
  let first = Number.POSITIVE_INFINITY;
  const summary = await summarizeJournal(broadcastId, lines, 0, (segment, run) => {
    const { rendition, number, start, duration, bytes: size } = segment;
    first = Math.min(first, number);
    index.add({ run, rendition, number, start, duration, size });
  });
  // What left the journal at its front is no gap.
  index.dropBefore(first);
  return summary === null ? null : { index, summary };
}
