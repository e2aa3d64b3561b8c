import type { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';
import type { Log } from '../telemetry/log.js';
import { type CutLines, GridLines, KeyLines } from './cmaf/cut-lines.js';
import type { CutSegment, SegmenterEvent } from './cmaf/segmenter.js';
import { OriginFailure } from './failure.js';
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
   * The run was cut off, and one that makes the rest again may follow: open segments are forgotten.
   *
   * @returns the place on the timeline, ms, from which media is missing; null where none has come.
   */
  abandon(): number | null;
}

export interface LiveChannelOptions {
  readonly window: LiveWindow;
  readonly shelfFor: (run: RunStart) => SpoolShelf;
  readonly segmentBytesMax: number;
  readonly now: () => number;
  readonly log: Log;
  readonly onAnnounced: (segment: LiveSegment) => void;
}

/** Segments of a rendition that may be on their way into the spool before its bytes have to wait. */
const IN_FLIGHT_MAX = 3;

interface Lane {
  tail: Promise<void>;
  inFlight: number;
}

interface OpenRun {
  readonly run: LiveRun;
  readonly shelf: SpoolShelf;
  readonly sinks: Map<string, RenditionSink>;
  readonly lines: CutLines;
  /** With the source's keys for lines: the rendition that finds them. */
  readonly leader: string | null;
  /** The last slot of which any rendition has a segment. */
  lastSlot: number;
}

/**
 * One channel's way from bytes to announcements: cut → numbered → spooled → listed, each rendition in its own order.
 *
 * Life: made at the channel's first run and kept for as long as its window is of use; at most one run is open.
 */
export class LiveChannel {
  readonly window: LiveWindow;
  readonly #options: LiveChannelOptions;
  readonly #lanes = new Map<string, Lane>();
  #open: OpenRun | null = null;
  #shelf: SpoolShelf | null = null;
  /**
   * Up to where each rendition of a broadcast has been cut, seconds of its timeline. What comes after a run that was abandoned
   * does not repeat it; what comes after one that ended begins where it says.
   */
  #cutTo = { broadcastId: '', seconds: new Map<string, number>(), abandoned: false };

  constructor(options: LiveChannelOptions) {
    this.window = options.window;
    this.#options = options;
  }

  openRun(start: RunStart): RunSink {
    this.#closeRun();
    const { channel: _channel, cut: _cut, keyIntervalSec: _keyIntervalSec, ...facts } = start;
    const run = this.window.openRun(facts, this.#options.now());
    if (this.#cutTo.broadcastId !== run.broadcastId) {
      this.#cutTo = { broadcastId: run.broadcastId, seconds: new Map(), abandoned: false };
    }
    const shelf = this.#options.shelfFor(start);
    if (this.#shelf !== null && this.#shelf !== shelf) void this.#endShelf(this.#shelf);
    this.#shelf = shelf;
    const open: OpenRun = { run, shelf, sinks: new Map(), ...linesOf(start), lastSlot: -1 };
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
    await Promise.all([...this.#lanes.values()].map((lane) => lane.tail));
  }

  async #endShelf(shelf: SpoolShelf): Promise<void> {
    await this.drained();
    await shelf.end(this.#options.now());
  }

  #closeRun(): void {
    const open = this.#open;
    this.#open = null;
    if (open !== null) this.#cutTo.abandoned = false;
    for (const sink of open?.sinks.values() ?? []) sink.closeSegment();
  }

  /** A rendition that lags behind one already cut closes its segment nonetheless: that slot is not made again. */
  #abandonRun(open: OpenRun): number | null {
    if (this.#open === open) this.#open = null;
    this.#cutTo.abandoned = true;
    for (const sink of open.sinks.values()) {
      if (sink.openSlot !== null && sink.openSlot <= open.lastSlot) sink.closeSegment();
      else sink.dropSegment();
    }
    const seconds = this.#cutTo.broadcastId === open.run.broadcastId ? this.#cutToSec(open.run) : null;
    return seconds === null ? null : Math.round(seconds * 1000);
  }

  /** From where on a rendition is wanted, seconds of the timeline. */
  #fromSec(run: LiveRun, id: string): number {
    const all = Number.NEGATIVE_INFINITY;
    if (!this.#cutTo.abandoned) return all;
    return Math.max(this.#cutToSec(run) ?? all, this.#cutTo.seconds.get(id) ?? all);
  }

  /** Where the first rendition (the highest picture, or the sound where there is no picture) was cut last. */
  #cutToSec({ renditions }: LiveRun): number | null {
    return this.#cutTo.seconds.get(renditions[0]?.id ?? '') ?? null;
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
      take: (event) => this.#take(open, id, event),
    });
    if (lines instanceof KeyLines && leader !== id) lines.follow(() => sink.advance());
    open.sinks.set(id, sink);
    return sink;
  }

  #take(open: OpenRun, id: string, event: SegmenterEvent): Promise<void> | undefined {
    const { run } = open;
    if (event.kind === 'init') {
      this.window.header(run, id, event.init);
      return undefined;
    }
    if (event.kind === 'opened') {
      const startSec = event.start / (run.inits.get(id)?.timescale ?? 1);
      this.window.opened(run, { rendition: id, slot: event.slot, startSec });
      return undefined;
    }
    return this.#publish(open, id, event.segment);
  }

  /** Numbers the segment at once and announces it when the spool has it, or has failed to take it. */
  #publish(open: OpenRun, id: string, cut: CutSegment): Promise<void> | undefined {
    const { run, shelf } = open;
    const number = this.window.numberFor(run, cut.slot);
    const init = run.inits.get(id);
    if (number === null || init === undefined) {
      this.#options.log.info(
        { rendition: id, slot: cut.slot },
        'a segment before the common start of its run is dropped',
      );
      return undefined;
    }
    const { start, duration, bytes } = cut;
    open.lastSlot = Math.max(open.lastSlot, cut.slot);
    this.#cutTo.seconds.set(id, (start + duration) / init.timescale - run.timelineOffsetSec);
    const facts = { number, run, rendition: id, start, duration, timescale: init.timescale, size: bytes.length };
    const lane = this.#laneOf(id);
    lane.inFlight += 1;
    lane.tail = lane.tail.then(async () => {
      const segment: LiveSegment = { ...facts, gap: false, spooled: false, bytes };
      const spooled = await shelf.store(segment, bytes);
      lane.inFlight -= 1;
      this.#announce({ ...segment, spooled });
    });
    return lane.inFlight > IN_FLIGHT_MAX ? lane.tail : undefined;
  }

  #announce(segment: LiveSegment): void {
    this.window.announce(segment, this.#options.now());
    this.#options.onAnnounced(segment);
  }

  #laneOf(id: string): Lane {
    const lane = this.#lanes.get(id) ?? { tail: Promise.resolve(), inFlight: 0 };
    this.#lanes.set(id, lane);
    return lane;
  }
}

/** The highest picture leads: it is the one that is passed through. Without a picture there are no keys to follow. */
function linesOf({ cut, segmentSec, keyIntervalSec, renditions }: RunStart) {
  const leader = renditions.find((rendition) => rendition.kind === 'video')?.id ?? null;
  if (cut === 'grid' || leader === null) return { lines: new GridLines(segmentSec), leader: null };
  return { lines: new KeyLines({ targetSec: segmentSec, keyIntervalSec }), leader };
}
