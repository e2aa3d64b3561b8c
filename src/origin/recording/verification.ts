import type { RecordedRun, RecordedTrack } from './broadcast-index.js';
import { storeKey } from './recorded-objects.js';
import { headerKey, type Recording, segmentKey } from './recording.js';
import type { RecordingStore } from './recording-store.js';

export interface Verification {
  /** Segments that the store has, as long as they were announced. */
  readonly segments: number;
  readonly bytes: number;
  /** Segments that were announced and are nowhere. */
  readonly lost: number;
  /** Where a track's times do not follow one another within a run, gaps aside: a fault of the source or of ours. */
  readonly jumps: number;
}

interface Place {
  readonly run: RecordedRun;
  readonly track: RecordedTrack;
  readonly number: number;
  readonly bytes: number;
}

/** Objects looked at at once. */
const CONCURRENCY = 16;
/** A picture at 15 a second. */
const JUMP_SEC = 0.07;

/**
 * Looks at every object of a recording: there, and as long as was announced. What is not is put there once more, and where that
 * cannot be it is a gap from now on. Throws where the store does: then nothing is known.
 */
export async function verifyRecording(
  recording: Recording,
  store: Pick<RecordingStore, 'head'>,
  putAgain: (key: string) => Promise<boolean>,
): Promise<Verification> {
  const isThere = async (key: string, bytes: number | null) => {
    const facts = await store.head(storeKey(key));
    return facts !== null && (bytes === null ? facts.size > 0 : facts.size === bytes);
  };
  const ensure = async (key: string, bytes: number | null) =>
    (await isThere(key, bytes)) || ((await putAgain(key)) && (await isThere(key, bytes)));
  for (const run of recording.index.runs) {
    for (const track of run.tracks.values()) {
      if (await ensure(headerKey(recording, track, run), null)) continue;
      // Without its header nothing of it can be played.
      for (const { number } of placesOf(run, track)) recording.gone({ recording, run, track, number });
    }
  }
  let [segments, bytes] = [0, 0];
  const places = placesIn(recording);
  const look = async () => {
    for (const { run, track, number, bytes: size } of places) {
      if (await ensure(segmentKey(recording, track, number), size)) {
        segments += 1;
        bytes += size;
      } else recording.gone({ recording, run, track, number });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, look));
  return { segments, bytes, lost: recording.lost, jumps: jumpsIn(recording) };
}

function* placesIn({ index }: Recording): Generator<Place> {
  for (const run of index.runs) {
    for (const track of run.tracks.values()) yield* placesOf(run, track);
  }
}

function* placesOf(run: RecordedRun, track: RecordedTrack): Generator<Place> {
  const { segments } = track;
  for (let number = segments.first; number < segments.next; number += 1) {
    const bytes = segments.at(number)?.bytes ?? 0;
    if (bytes > 0) yield { run, track, number, bytes };
  }
}

function jumpsIn({ index }: Recording): number {
  let jumps = 0;
  for (const run of index.runs) {
    for (const { segments, facts } of run.tracks.values()) {
      let end: number | null = null;
      for (const { start, duration, bytes } of segments) {
        if (bytes > 0 && end !== null && Math.abs(start - end) > JUMP_SEC * facts.timescale) jumps += 1;
        end = bytes > 0 ? start + duration : null;
      }
    }
  }
  return jumps;
}
