import type { CutPart, CutSegment } from './cmaf/segmenter.js';
import type { LiveRun, LiveSegment, SegmentPart } from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import type { OpenPart } from './open-segment.js';
import type { SpoolShelf } from './spool-shelf.js';

/**
 * Only a segment's last part may be shorter than this part of the target (draft-pantos-hls-rfc8216bis-22 §4.4.4.9). Such a one is
 * announced with its segment, or when another part shows that it was not the last: until then a reader could not tell.
 */
const SHORT = 0.85;

/** Segments of a rendition that may be on their way into the spool before its bytes have to wait. */
const IN_FLIGHT_MAX = 3;

export interface LaneOptions {
  readonly rendition: string;
  readonly window: LiveWindow;
  /** The spool has the segment, or has failed to take it: it may be listed. */
  readonly announce: (segment: LiveSegment) => void;
  /** A segment's first part was announced. */
  readonly onOpened: (run: LiveRun) => void;
}

/** Where a run's segments go. */
export interface LaneRun {
  readonly run: LiveRun;
  readonly shelf: SpoolShelf;
}

interface ComingSegment {
  readonly run: LiveRun;
  readonly slot: number;
  parts: OpenPart[];
  announced: number;
  number: number | null;
  /** Set when it is closed. */
  segment: LiveSegment | null;
  closeAnnounced: boolean;
  /** The spool is done with it. */
  settled: boolean;
}

/**
 * One rendition's way into its channel's window, over the runs: parts are announced as they come and segments once the spool has
 * them, each in its turn. The parts of a segment wait until the one before it is announced, until the run has its place, and
 * until the run's leading picture has a part of that number: a number of which only the sound was told would be a hole in the
 * picture if the run broke off there.
 *
 * Life of a segment: `part` for each → `close`, or `breakOff` where its run was cut off → spooled → announced.
 */
export class LiveLane {
  readonly #options: LaneOptions;
  #coming: ComingSegment[] = [];
  #spooling: Promise<void> = Promise.resolve();
  #inFlight = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Resolves when every segment that was closed so far is announced. */
  get drained(): Promise<void> {
    return this.#spooling;
  }

  /** The open segment, where parts of it were announced: it will not be forgotten. `start` in ticks. */
  get told(): { readonly slot: number; readonly start: number } | null {
    const last = this.#coming.at(-1);
    const first = last?.parts[0];
    if (last === undefined || first === undefined || last.segment !== null || last.announced === 0) return null;
    return { slot: last.slot, start: first.start };
  }

  part(run: LiveRun, part: CutPart): void {
    const { slot: _slot, ...facts } = part;
    const coming = this.#openFor(run, part.slot);
    const last = coming.parts.at(-1);
    coming.parts.push({ ...facts, offset: last === undefined ? 0 : last.offset + last.size, size: part.bytes.length });
    this.advance();
  }

  /** @returns false where it lies before the run's common start, and is dropped; else a wait where too much is on its way. */
  close({ run, shelf }: LaneRun, cut: CutSegment): false | { readonly wait: Promise<void> | undefined } {
    const { window, rendition } = this.#options;
    const coming = this.#openFor(run, cut.slot);
    const number = coming.number ?? window.numberFor(run, cut.slot);
    const timescale = run.inits.get(rendition)?.timescale;
    if (number === null || timescale === undefined) {
      this.#coming.pop();
      return false;
    }
    const { start, duration, bytes } = cut;
    const facts = { number, run, rendition, start, duration, timescale, size: bytes.length, bytes };
    const segment = { ...facts, parts: coming.parts.map(withoutBytes), gap: false, spooled: false };
    coming.number = number;
    coming.segment = segment;
    // From now on memory holds it once.
    coming.parts = coming.parts.map((part) => ({ ...part, bytes: bytesOf(part, bytes) }));
    return { wait: this.#spool(coming, segment, bytes, shelf) };
  }

  /** The run is cut off: an open segment that nobody was told of is forgotten, another one is closed as it stands. */
  breakOff(from: LaneRun): CutSegment | null {
    const open = this.#coming.at(-1);
    if (open === undefined || open.segment !== null || open.run !== from.run) return null;
    const [first] = open.parts;
    if (first === undefined || open.announced === 0) {
      this.#coming.pop();
      return null;
    }
    const duration = open.parts.reduce((sum, part) => sum + part.duration, 0);
    const bytes = Buffer.concat(open.parts.map((part) => part.bytes));
    const cut = { slot: open.slot, start: first.start, duration, bytes };
    this.close(from, cut);
    return cut;
  }

  /** Announces what may be announced by now. */
  advance(): void {
    for (let head = this.#coming[0]; head !== undefined; head = this.#coming[0]) {
      this.#announceParts(head);
      if (head.segment === null || !head.settled) return;
      this.#coming.shift();
      this.#options.announce(head.segment);
    }
  }

  #openFor(run: LiveRun, slot: number): ComingSegment {
    const last = this.#coming.at(-1);
    if (last !== undefined && last.segment === null && last.run === run && last.slot === slot) return last;
    const begun: ComingSegment = {
      ...{ run, slot, parts: [], announced: 0, number: null, segment: null },
      ...{ closeAnnounced: false, settled: false },
    };
    this.#coming.push(begun);
    return begun;
  }

  #announceParts(coming: ComingSegment): void {
    const { window, rendition } = this.#options;
    const { run, slot, parts, segment } = coming;
    const [first] = parts;
    const timescale = run.inits.get(rendition)?.timescale;
    if (first === undefined || timescale === undefined || run.place === null) return;
    // To be given a number is to have it for ever.
    if (!this.#leadHas(run, run.place.base + slot)) return;
    coming.number ??= window.numberFor(run, slot);
    const { number } = coming;
    // Before the run's common start: its end will drop it.
    if (number === null) return;
    const held = !coming.settled && isShort(parts.at(-1), run, timescale) ? 1 : 0;
    for (const part of parts.slice(coming.announced, parts.length - held)) {
      coming.announced += 1;
      window.announcePart({ number, run, rendition, start: first.start, timescale }, part);
      if (coming.announced === 1) this.#options.onOpened(run);
    }
    if (segment === null || segment.bytes === null || coming.closeAnnounced || held > 0) return;
    coming.closeAnnounced = true;
    window.closeSegment(rendition, number, segment.bytes);
  }

  #leadHas({ renditions: [lead] }: LiveRun, number: number): boolean {
    const { window, rendition } = this.#options;
    if (lead === undefined || lead.kind === 'audio' || lead.id === rendition) return true;
    const there = window.rendition(lead.id);
    return (there?.open?.number ?? there?.newest?.number ?? -1) >= number;
  }

  #spool(coming: ComingSegment, segment: LiveSegment, bytes: Buffer, shelf: SpoolShelf): Promise<void> | undefined {
    this.#inFlight += 1;
    this.advance();
    this.#spooling = this.#spooling.then(async () => {
      const spooled = await shelf.store(segment, bytes);
      this.#inFlight -= 1;
      coming.segment = { ...segment, spooled };
      coming.settled = true;
      this.advance();
    });
    return this.#inFlight > IN_FLIGHT_MAX ? this.#spooling : undefined;
  }
}

function isShort(part: OpenPart | undefined, { partSec }: LiveRun, timescale: number): boolean {
  return part !== undefined && part.duration / timescale < SHORT * (partSec ?? 0);
}

function bytesOf({ offset, size }: SegmentPart, segment: Buffer): Buffer {
  return segment.subarray(offset, offset + size);
}

function withoutBytes({ bytes: _bytes, final: _final, ...part }: OpenPart): SegmentPart {
  return part;
}
