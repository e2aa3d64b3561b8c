import type { Recording } from './recording.js';

/** What a channel shows of its past: the broadcasts that its live playlist ran through without an end between them. */
export interface Tape {
  /** Wall clock of the DASH presentation's zero, epoch ms. */
  readonly zeroOfTime: number;
  /** Oldest first; the last one is the newest. */
  readonly recordings: readonly Recording[];
}

/** The channels' tapes: each from its first announced segment until its last recording is no longer shown. */
export class Tapes {
  readonly #tapes = new Map<string, Tape>();

  /** Null where nothing is shown of a channel's past. */
  of(channel: string): Tape | null {
    return this.#tapes.get(channel) ?? null;
  }

  get recordings(): ReadonlySet<Recording> {
    return new Set([...this.#tapes.values()].flatMap(({ recordings }) => recordings));
  }

  /** It is what the channel shows now: behind what it showed before where numbers go on, else in its place. */
  show(recording: Recording, zeroOfTime: number): void {
    const { channel, runs } = recording.index;
    const tape = this.#tapes.get(channel);
    const newest = tape?.recordings.at(-1);
    if (newest === recording) return;
    const first = runs[0]?.place.firstNumber ?? 0;
    const goesOn = tape?.zeroOfTime === zeroOfTime && newest !== undefined && first >= newest.index.nextNumber;
    // Between them may be what a kill has taken.
    if (goesOn) newest.index.endAt(first);
    const before = goesOn ? tape.recordings : [];
    this.#tapes.set(channel, { zeroOfTime, recordings: [...before, recording] });
  }

  drop(recording: Recording): void {
    const { channel } = recording.index;
    const tape = this.#tapes.get(channel);
    if (tape === undefined) return;
    const left = tape.recordings.filter((each) => each !== recording);
    if (left.length === 0) this.#tapes.delete(channel);
    else this.#tapes.set(channel, { ...tape, recordings: left });
  }

  dropChannel(channel: string): void {
    this.#tapes.delete(channel);
  }

  /** Those of which everything is past. */
  dropPast(isPast: (recording: Recording) => boolean): void {
    for (const [channel, { recordings }] of this.#tapes) {
      if (recordings.every(isPast)) this.#tapes.delete(channel);
    }
  }
}
