import type { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';
import type { Log } from '../telemetry/log.js';
import { type CutLines, GridLines, KeyLines } from './cmaf/cut-lines.js';
import type { CutSegment, SegmenterEvent } from './cmaf/segmenter.js';
import { OriginFailure } from './failure.js';
import { LiveLane } from './live-lane.js';
import type { LiveRun, LiveSegment } from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import { RenditionSink } from './rendition-sink.js';
import type { SpoolShelf } from './spool-shelf.js';

/** The start of one ffmpeg process; a second run of a broadcast is a discontinuity. */
export interface RunStart {
  readonly channel: string;
  readonly broadcastId: string;
  /** Wall clock of the timeline's zero, epoch ms. */
  readonly startedAt: number;
  /** Presentation time in the fragments = timeline seconds + this. */
  readonly timelineOffsetSec: number;
  /** `grid`: keys stand on multiples of `segmentSec` of the timeline. `keys`: they stand where the source put them. */
  readonly cut: 'grid' | 'keys';
  /** The step of the grid; with `keys` the target duration. Whole seconds with `keys`. */
  readonly segmentSec: number;
  /** With `keys`: how far apart they are at most, as far as is known; 0 with `grid`. */
  readonly keyIntervalSec: number;
  /** How long a part is at most, seconds. A picture's fragment is a part, whole pictures; sound comes a frame to a fragment. */
  readonly partSec: number;
  /** With `keys` the first one's decide for all. */
  readonly renditions: readonly Rendition[];
}

/** Where a run's bytes go. */
export interface RunSink {
  /** One fragmented MP4, cut anywhere. Emits `error` when it is not one. */
  rendition(id: string): Writable;
  /** The run is over: open segments are closed as they stand. */
  end(): void;
  /**
   * The run was cut off, and one that makes the rest again may follow: open segments are forgotten, those of which parts were
   * announced are closed as they stand.
   *
   * @returns the place on the timeline, ms, from which media is missing; null where none has come.
   */
  abandon(): number | null;
}

export interface LiveChannelOptions {
  readonly window: LiveWindow;
  readonly shelfFor: (run: RunStart) => SpoolShelf;
  readonly segmentBytesMax: number;
  /** Parts are announced; else only whole segments are. */
  readonly lowLatency: boolean;
  readonly now: () => number;
  readonly log: Log;
  readonly onAnnounced: (segment: LiveSegment) => void;
}

/** Renditions that end within this much of the first one are all gone on with from the earliest of their ends. */
const REPEAT_SEC_MAX = 1;

interface OpenRun {
  readonly run: LiveRun;
  readonly shelf: SpoolShelf;
  readonly sinks: Map<string, RenditionSink>;
  readonly lines: CutLines;
  /** With the source's keys for lines: the rendition that finds them. */
  readonly leader: string | null;
  /** The last slot of which any rendition has a segment. */
  lastSlot: number;
  /** Renditions whose bytes were refused. */
  readonly failed: Set<string>;
}

interface CutTo {
  readonly broadcastId: string;
  /** By rendition, seconds of the timeline. */
  readonly seconds: Map<string, number>;
  readonly abandoned: boolean;
  /** Where the run after the one that was abandoned is wanted to begin. */
  readonly resumeSec: number | null;
  /** A rendition that was cut further than this behind `resumeSec` goes on from its own end. */
  readonly repeatSecMax: number;
}

const NOT_CUT = { abandoned: false, resumeSec: null, repeatSecMax: 0 };

/**
 * One channel's way from bytes to announcements: cut → numbered → spooled → listed, each rendition in its own lane.
 *
 * Life: made at the channel's first run and kept for as long as its window is of use; at most one run is open.
 */
export class LiveChannel {
  readonly window: LiveWindow;
  readonly #options: LiveChannelOptions;
  readonly #lanes = new Map<string, LiveLane>();
  #open: OpenRun | null = null;
  #shelf: SpoolShelf | null = null;
  /**
   * Up to where each rendition of a broadcast has been cut, seconds of its timeline. What comes after a run that was abandoned
   * does not repeat it; what comes after one that ended begins where it says.
   */
  #cutTo: CutTo = { broadcastId: '', seconds: new Map(), ...NOT_CUT };

  constructor(options: LiveChannelOptions) {
    this.window = options.window;
    this.#options = options;
  }

  openRun(start: RunStart): RunSink {
    this.#closeRun();
    const { channel: _channel, cut: _cut, keyIntervalSec: _keyIntervalSec, ...facts } = start;
    const partSec = this.#options.lowLatency ? facts.partSec : null;
    const { lines, leader } = linesOf(start);
    const run = this.window.openRun({ ...facts, partSec, grid: lines instanceof GridLines }, this.#options.now());
    if (this.#cutTo.broadcastId !== run.broadcastId) {
      this.#cutTo = { broadcastId: run.broadcastId, seconds: new Map(), ...NOT_CUT };
    }
    const shelf = this.#options.shelfFor(start);
    if (this.#shelf !== null && this.#shelf !== shelf) void this.#endShelf(this.#shelf);
    this.#shelf = shelf;
    const open: OpenRun = { run, shelf, sinks: new Map(), lines, leader, lastSlot: -1, failed: new Set() };
    this.#open = open;
    return {
      rendition: (id) => this.#sinkFor(open, id),
      end: () => {
        if (this.#open === open) this.#closeRun();
      },
      abandon: () => this.#abandonRun(open),
    };
  }

  endBroadcast(broadcastId: string): void {
    if (this.#open?.run.broadcastId === broadcastId) this.#closeRun();
    if (this.window.broadcastId !== broadcastId) return;
    void this.drained().then(() => this.window.endBroadcast(broadcastId, this.#options.now()));
    if (this.#shelf !== null) void this.#endShelf(this.#shelf);
    this.#shelf = null;
  }

  /** Closes what is open and resolves when every segment is announced. */
  async close(): Promise<void> {
    this.#closeRun();
    await this.drained();
    if (this.#shelf !== null) await this.#endShelf(this.#shelf);
  }

  /** Resolves when every segment that was cut so far is announced. */
  async drained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drained));
  }

  async #endShelf(shelf: SpoolShelf): Promise<void> {
    await this.drained();
    await shelf.end(this.#options.now());
  }

  #closeRun(): void {
    const open = this.#open;
    this.#open = null;
    if (open !== null) this.#cutTo = { ...this.#cutTo, ...NOT_CUT };
    for (const sink of open?.sinks.values() ?? []) sink.closeSegment();
  }

  /**
   * A rendition that lags behind one already cut closes its segment nonetheless: that slot is not made again. Nor is one of
   * which anybody was told.
   */
  #abandonRun(open: OpenRun): number | null {
    if (this.#open === open) this.#open = null;
    const told = [...open.sinks.keys()].map((id) => this.#laneOf(id).told?.slot ?? -1);
    const lead = open.run.renditions[0]?.id ?? '';
    const brokenOff = this.#laneOf(lead).told;
    open.lastSlot = Math.max(open.lastSlot, ...told);
    for (const sink of open.sinks.values()) {
      if (sink.openSlot !== null && sink.openSlot <= open.lastSlot) sink.closeSegment();
      else sink.dropSegment();
    }
    if (this.#cutTo.broadcastId !== open.run.broadcastId) return null;
    const brokenFromSec = brokenOff === null ? null : timelineSec(open.run, lead, brokenOff.start);
    this.#cutTo = { ...this.#cutTo, abandoned: true, ...resumeAt(open, this.#cutTo.seconds, brokenFromSec) };
    const { resumeSec } = this.#cutTo;
    return resumeSec === null ? null : Math.round(resumeSec * 1000);
  }

  /** From where on a rendition is wanted, seconds of the timeline. */
  #fromSec({ renditions }: LiveRun, id: string): number {
    const all = Number.NEGATIVE_INFINITY;
    const { abandoned, seconds, resumeSec, repeatSecMax } = this.#cutTo;
    if (!abandoned) return all;
    const [own, resume] = [seconds.get(id) ?? all, resumeSec ?? all];
    const isSound = renditions.some((each) => each.id === id && each.kind === 'audio');
    // Sound can begin anywhere.
    if (isSound && repeatSecMax > 0 && own > all) return own;
    return own - resume > repeatSecMax ? own : resume;
  }

  #sinkFor(open: OpenRun, id: string): Writable {
    const rendition = open.run.renditions.find((each) => each.id === id);
    if (rendition === undefined || open.sinks.has(id)) {
      const message = rendition ? `rendition ${id} is written twice` : `rendition ${id} is not one of the run's`;
      throw new OriginFailure('origin.unknown-rendition', message, {
        hint: 'This is a fault in transcode: report it.',
      });
    }
    const { run, lines, leader } = open;
    const sink = new RenditionSink({
      kind: rendition.kind,
      lines,
      leads: lines instanceof KeyLines && leader === id ? lines : null,
      timelineOffsetSec: run.timelineOffsetSec,
      fromSec: this.#fromSec(run, id),
      segmentBytesMax: this.#options.segmentBytesMax,
      ...(run.partSec === null ? {} : { partSec: run.partSec }),
      take: (event) => this.#take(open, id, event),
      onDropped: (failed) => this.#drop(open, id, failed),
    });
    if (lines instanceof KeyLines && leader !== id) lines.follow(() => sink.advance());
    open.sinks.set(id, sink);
    return sink;
  }

  #take(open: OpenRun, id: string, event: SegmenterEvent): Promise<void> | undefined {
    const { run } = open;
    if (event.kind === 'segment') return this.#publish(open, id, event.segment);
    if (event.kind === 'part') this.#laneOf(id).part(run, event.part);
    else if (event.kind === 'init') this.window.header(run, id, event.init);
    else this.#begin(run, id, event);
    return undefined;
  }

  #begin(run: LiveRun, id: string, { slot, start }: { slot: number; start: number }): void {
    const timescale = run.inits.get(id)?.timescale ?? 1;
    this.window.opened(run, { rendition: id, slot, startSec: start / timescale });
    if (run.place !== null) for (const lane of this.#lanes.values()) lane.advance();
  }

  #publish(open: OpenRun, id: string, cut: CutSegment): Promise<void> | undefined {
    const closed = this.#laneOf(id).close(open, cut);
    if (closed === false) {
      this.#options.log.info(
        { rendition: id, slot: cut.slot },
        'a segment before the common start of its run is dropped',
      );
      return undefined;
    }
    this.#noteCut(open, id, cut);
    // The first segment that is closed may have given the run its place.
    for (const lane of this.#lanes.values()) lane.advance();
    return closed.wait;
  }

  #noteCut(open: OpenRun, id: string, { slot, start, duration }: CutSegment): void {
    open.lastSlot = Math.max(open.lastSlot, slot);
    this.#cutTo.seconds.set(id, timelineSec(open.run, id, start + duration));
  }

  #drop(open: OpenRun, id: string, failed: boolean): void {
    if (failed) open.failed.add(id);
    const cut = this.#laneOf(id).breakOff(open);
    if (cut !== null) this.#noteCut(open, id, cut);
  }

  #announce(segment: LiveSegment): void {
    this.window.announce(segment, this.#options.now());
    this.#options.onAnnounced(segment);
  }

  #laneOf(id: string): LiveLane {
    const existing = this.#lanes.get(id);
    if (existing !== undefined) return existing;
    const announce = (segment: LiveSegment) => this.#announce(segment);
    const created: LiveLane = new LiveLane({
      ...{ rendition: id, window: this.window, announce },
      onOpened: ({ renditions }) => {
        if (renditions[0]?.id !== id) return;
        for (const other of this.#lanes.values()) if (other !== created) other.advance();
      },
    });
    this.#lanes.set(id, created);
    return created;
  }
}

/** Ticks of a rendition as seconds of the broadcast's timeline. */
function timelineSec({ inits, timelineOffsetSec }: LiveRun, id: string, ticks: number): number {
  return ticks / (inits.get(id)?.timescale ?? 1) - timelineOffsetSec;
}

/**
 * Where the run after an abandoned one should begin. Without parts every rendition was cut at a line: where the first one
 * was (the highest picture, or the sound where there is no picture). With parts each ends where its last one does: at the
 * earliest of these ends, so that none has a hole; some pictures are then shown twice, for less than a second. A source that
 * is passed through can be taken up at a key only: there the segment that was broken off comes again from its beginning.
 *
 * @param brokenFromSec where the first rendition's segment began that was broken off.
 */
function resumeAt({ run, lines, failed }: OpenRun, ends: ReadonlyMap<string, number>, brokenFromSec: number | null) {
  const lead = run.renditions[0]?.id ?? '';
  const end = ends.get(lead) ?? null;
  if (end === null || run.partSec === null) return { resumeSec: end, repeatSecMax: 0 };
  if (brokenFromSec !== null && !lines.keysPlaced && !failed.has(lead)) {
    return { resumeSec: brokenFromSec, repeatSecMax: Number.POSITIVE_INFINITY };
  }
  const others = run.renditions.map(({ id }) => ends.get(id) ?? end).filter((other) => other > end - REPEAT_SEC_MAX);
  return { resumeSec: Math.min(end, ...others), repeatSecMax: REPEAT_SEC_MAX };
}

/** The highest picture leads: it is the one that is passed through. Without a picture there are no keys to follow. */
function linesOf({ cut, segmentSec, keyIntervalSec, renditions }: RunStart) {
  const leader = renditions.find((rendition) => rendition.kind === 'video')?.id ?? null;
  if (cut === 'grid' || leader === null) return { lines: new GridLines(segmentSec), leader: null };
  return { lines: new KeyLines({ targetSec: segmentSec, keyIntervalSec }), leader };
}
