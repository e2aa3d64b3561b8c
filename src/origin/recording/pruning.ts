import { INDEX_SEGMENTS_MAX } from './broadcast-index.js';
import { storeKey } from './recorded-objects.js';
import { rowsOf } from './recorded-span.js';
import { type Recording, segmentKey } from './recording.js';
import type { RecordingPolicy, RecordingStore } from './recording-store.js';

/**
 * Takes the front of a broadcast that is still running out of the store and out of mind: of one that becomes a video what the
 * index has no room for, of all others what viewers can no longer go back to. Throws where the store does: nothing is forgotten then.
 */
export async function pruneRecording(
  recording: Recording,
  { archive, dvrSec }: RecordingPolicy,
  store: Pick<RecordingStore, 'delete'>,
): Promise<void> {
  const { index } = recording;
  const cut = archive || dvrSec === 0 ? index.nextNumber - INDEX_SEGMENTS_MAX : recording.firstWithin(dvrSec);
  for (const run of index.runs) {
    for (const track of run.tracks.values()) {
      for (const { number } of rowsOf(track, 0, cut)) {
        if (recording.hasStored(track.rendition.id, number))
          await store.delete(storeKey(segmentKey(recording, track, number)));
      }
    }
  }
  index.dropBefore(cut);
}
