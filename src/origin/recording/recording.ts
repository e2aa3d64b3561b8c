import { initName, segmentName } from '../live-segment.js';
import type { BroadcastIndex, RecordedRun, RecordedTrack } from './broadcast-index.js';
import { endOfRecording, firstNumberSince } from './recorded-span.js';
import type { RecordingPolicy } from './recording-store.js';

/** The next thing of one track to put into the store. */
export interface StoreStep {
  readonly recording: Recording;
  readonly run: RecordedRun;
  readonly track: RecordedTrack;
  readonly number: number;
}

export interface Backlog {
  readonly segments: number;
  readonly seconds: number;
}

/**
 * One broadcast on its way into the store: its index, and up to where each track is stored.
 *
 * Life: made at its first announced segment, or from its journal at a start → nothing is stored until `policy` is known → `endedAt`
 * is set when nothing more will be announced → kept for as long as its playlists are shown.
 */
export class Recording {
  readonly index: BroadcastIndex;
  readonly startedAt: number;
  /** Found at a start: the store may have of it what nobody remembers. */
  readonly recovered: boolean;
  policy: RecordingPolicy | null = null;
  endedAt: number | null = null;
  /** Segments that were announced and are nowhere any more. */
  lost = 0;
  /** Whole or not, everything that will be done for it is done. */
  finished = false;
  readonly #storedTo = new Map<RecordedTrack, number>();
  readonly #withHeader = new Set<RecordedTrack>();

  constructor(index: BroadcastIndex, facts: { startedAt: number; recovered: boolean; lost?: number }) {
    this.index = index;
    this.startedAt = facts.startedAt;
    this.recovered = facts.recovered;
    this.lost = facts.lost ?? 0;
  }

  get broadcastId(): string {
    return this.index.broadcastId;
  }

  /** Anything of it is kept. */
  get wanted(): boolean {
    return this.policy === null || this.policy.archive || this.policy.dvrSec > 0;
  }

  /** What each track waits for, oldest first. */
  steps(): StoreStep[] {
    const steps: StoreStep[] = [];
    for (const run of this.index.runs) {
      for (const track of run.tracks.values()) {
        const number = this.#nextOf(track);
        if (number < track.segments.next) steps.push({ recording: this, run, track, number });
      }
    }
    return steps;
  }

  get backlog(): Backlog {
    let [segments, seconds] = [0, 0];
    for (const { track, number } of this.steps()) {
      const [oldest, newest] = [track.segments.at(number), track.segments.at(track.segments.next - 1)];
      segments += track.segments.next - number;
      if (oldest === null || newest === null) continue;
      seconds = Math.max(seconds, (newest.start + newest.duration - oldest.start) / track.facts.timescale);
    }
    return { segments, seconds };
  }

  hasHeader(track: RecordedTrack): boolean {
    return this.#withHeader.has(track);
  }

  headerStored(track: RecordedTrack): void {
    this.#withHeader.add(track);
  }

  /** The step is taken: the store has it. */
  stored({ track, number }: StoreStep): void {
    this.#storedTo.set(track, Math.max(this.#nextOf(track), number + 1));
  }

  /** What was announced there is nowhere any more. */
  gone(step: StoreStep): void {
    this.index.markGap(step.run, step.track.rendition.id, step.number);
    this.lost += 1;
    this.stored(step);
  }

  hasStored(rendition: string, number: number): boolean {
    const track = this.index.runOf(number)?.tracks.get(rendition);
    return track !== undefined && number < this.#nextOf(track);
  }

  isIndexed(rendition: string, number: number): boolean {
    return (this.index.runOf(number)?.tracks.get(rendition)?.segments.at(number) ?? null) !== null;
  }

  /** The first number within the time that viewers may go back. */
  firstWithin(dvrSec: number): number {
    const end = endOfRecording([this.index]);
    return end === null ? 0 : firstNumberSince([this.index], end - dvrSec * 1000);
  }

  #nextOf(track: RecordedTrack): number {
    const { segments } = track;
    let number = Math.max(this.#storedTo.get(track) ?? 0, segments.first);
    while (segments.at(number)?.bytes === 0) number += 1;
    return number;
  }
}

/** Where a segment stands, as the spool names it. */
export function segmentKey(recording: Recording, track: RecordedTrack, number: number): string {
  return `${recording.broadcastId}/${track.rendition.id}/${segmentName(number)}`;
}

export function headerKey(recording: Recording, track: RecordedTrack, run: RecordedRun): string {
  return `${recording.broadcastId}/${track.rendition.id}/${initName(run.run)}`;
}
