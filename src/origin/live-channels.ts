import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { LiveChannel, type RunSink, type RunStart } from './live-channel.js';
import { nextPart, type Position } from './live-position.js';
import { initName, type LiveRun, type LiveSegment, partName, segmentName } from './live-segment.js';
import { LiveWindow } from './live-window.js';
import type { OpenSegment } from './open-segment.js';
import type { RenditionWindow } from './rendition-window.js';
import type { Spool } from './spool.js';
import type { JournalSummary } from './spool-journal.js';
import type { TimedEventShelf } from './timed-event-shelf.js';

/** Takes what transcode makes: one run for each ffmpeg process. */
export interface FragmentSink {
  openRun(run: RunStart): RunSink;
  /** Everything of this broadcast that will come has come. */
  endBroadcast(broadcastId: string): void;
}

/** Whoever keeps what is announced. It is told, and nothing waits for it. */
interface BroadcastKeeper {
  announced(segment: LiveSegment, window: LiveWindow): void;
  /** All that will be announced of it has been. */
  ended(broadcastId: string): void;
}

export interface LiveChannelsOptions {
  readonly spool: Spool;
  readonly timedEvents: TimedEventShelf;
  readonly windowSegments: number;
  readonly memoryBytesMax: number;
  readonly segmentBytesMax: number;
  /** Parts are announced; else only whole segments are. */
  readonly lowLatency: boolean;
  /** Keeps what is announced. */
  readonly recorder?: BroadcastKeeper | null;
  /** How long after its last segment a broadcast without an end, found at the start, counts as going on. */
  readonly cutOffGraceMs: number;
  /** How long an ended broadcast's playlists are still served. */
  readonly endedRetentionMs: number;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** One live channel, for the operator. */
export interface LiveState {
  readonly channel: string;
  readonly broadcastId: string;
  readonly renditions: readonly string[];
  /** Segments listed, of the rendition that has the fewest. */
  readonly segments: number;
  /** Epoch ms; null before the first. */
  readonly lastSegmentAt: number | null;
}

/** Where a part stands in its segment. */
interface PartPlace {
  /** The segment's. */
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Bytes held for a media address, or word that only the spool may have them. */
export type HeldMedia =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'spooled'; readonly within?: PartPlace }
  /** A segment that has parts and no end yet. */
  | { readonly kind: 'growing'; readonly segment: OpenSegment }
  /** What the playlist will name next. */
  | { readonly kind: 'coming'; readonly position: Position; readonly window: LiveWindow }
  /** Nothing is there, nor in the spool. */
  | { readonly kind: 'absent' };

const SWEEP_MS = 30_000;

/** All live channels of this origin, by name and by broadcast. Ended ones are forgotten after their retention. */
export class LiveChannels implements FragmentSink {
  readonly #options: LiveChannelsOptions;
  readonly #channels = new Map<string, LiveChannel>();
  readonly #segments;
  readonly #bytes;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LiveChannelsOptions) {
    this.#options = options;
    this.#segments = options.metrics.counter(
      'origin_segments_announced_total',
      'Live segments announced, all renditions. It stands still when no channel is live, or when transcode no longer delivers.',
    );
    this.#bytes = options.metrics.counter('origin_segment_bytes_total', 'Bytes of the live segments announced.');
    for (const summary of options.spool.recovered) this.#recover(summary);
    this.#timer = setInterval(() => this.#forgetEnded(), SWEEP_MS).unref();
  }

  openRun(start: RunStart): RunSink {
    const channel = this.#channels.get(start.channel) ?? this.#addChannel(start.channel, {});
    return channel.openRun(start);
  }

  endBroadcast(broadcastId: string): void {
    const { recorder } = this.#options;
    const drained = [...this.#channels.values()].map((channel) => {
      channel.endBroadcast(broadcastId);
      return channel.drained();
    });
    void Promise.all(drained).then(() => recorder?.ended(broadcastId));
  }

  /** Null when the channel has nothing to show. */
  window(channel: string): LiveWindow | null {
    const window = this.#channels.get(channel)?.window ?? null;
    return window === null || this.#expired(window) ? null : window;
  }

  /** The window that lists a broadcast, or did lately. */
  windowOf(broadcastId: string): LiveWindow | null {
    const windows = [...this.#channels.values()].map(({ window }) => window);
    return windows.find(({ runs }) => runs.some((run) => run.broadcastId === broadcastId)) ?? null;
  }

  /** What memory has under a media address of a broadcast. */
  held(broadcastId: string, rendition: string, name: string): HeldMedia {
    for (const { window } of this.#channels.values()) {
      const run = window.runs.findLast((each) => each.broadcastId === broadcastId);
      if (run !== undefined) return heldIn(window, run, rendition, name);
    }
    return { kind: 'spooled' };
  }

  live(): LiveState[] {
    const live = [...this.#channels.values()].map(({ window }) => window).filter((window) => window.endedAt === null);
    return live.flatMap((window) => {
      const { channel, broadcastId, renditions, lastSegmentAt } = window;
      if (broadcastId === null) return [];
      const segments = renditions.length === 0 ? 0 : Math.min(...renditions.map((each) => each.listed.length));
      return [{ channel, broadcastId, renditions: renditions.map((each) => each.id), segments, lastSegmentAt }];
    });
  }

  async deleteChannel(name: string): Promise<void> {
    const channel = this.#channels.get(name);
    this.#channels.delete(name);
    await channel?.close();
    await this.#options.spool.deleteChannel(name);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }

  #addChannel(
    name: string,
    next: { nextNumber?: number; nextDiscontinuity?: number; cutOffGraceMs?: number },
  ): LiveChannel {
    const { spool, windowSegments, memoryBytesMax, segmentBytesMax, lowLatency, now, log } = this.#options;
    const channel = new LiveChannel({
      window: new LiveWindow({
        ...{ channel: name, windowSegments, memoryBytesMax, ...next },
        timedEvents: (broadcastId) => this.#options.timedEvents.of(broadcastId),
      }),
      shelfFor: (run) => spool.shelf(run),
      ...{ segmentBytesMax, lowLatency, now },
      log: log.child({ channel: name }),
      onAnnounced: (segment) => {
        this.#segments.inc();
        this.#bytes.inc(segment.size);
        this.#options.recorder?.announced(segment, channel.window);
      },
    });
    this.#channels.set(name, channel);
    return channel;
  }

  /** Shows a channel's last broadcast again, ended where its journal ends. */
  #recover(summary: JournalSummary): void {
    const { channel, broadcastId, endedAt, cutOff, lastAt, runs, tail } = summary;
    const placed = runs.filter((run) => run.place !== null);
    const last = placed.at(-1);
    if (last?.place === undefined || last.place === null || summary.lastNumber < 0) return;
    const cutOffGraceMs = cutOff ? this.#options.cutOffGraceMs : 0;
    const { window } = this.#addChannel(channel, {
      nextNumber: numberBehind(summary, last, this.#options.now() - lastAt - cutOffGraceMs),
      nextDiscontinuity: last.place.discontinuity + 1,
      cutOffGraceMs,
    });
    window.restore(placed, tail, lastAt);
    window.endBroadcast(broadcastId, endedAt ?? lastAt);
  }

  #expired(window: LiveWindow): boolean {
    const { now, endedRetentionMs } = this.#options;
    return window.endedAt !== null && now() > window.endedAt + endedRetentionMs;
  }

  #forgetEnded(): void {
    for (const [name, { window }] of this.#channels) {
      if (this.#expired(window)) this.#channels.delete(name);
    }
  }
}

/**
 * The first number that nobody was told of. Where a box was killed, parts of one segment behind the last whole one may have been
 * announced: it has gone, and a player that has some of it must not find another under its number.
 *
 * @param closedMs for how long playlists have been closed. Segments may have been announced that no disk took; that they are a
 * second long at least leaves room for them, at no price, since what comes then begins an empty window.
 */
function numberBehind({ cutOff, lastNumber }: JournalSummary, last: LiveRun, closedMs: number): number {
  const next = lastNumber + 1;
  if (!cutOff) return next;
  const told = last.partSec === null ? next : next + 1;
  return closedMs < 0 ? told : told + Math.ceil(closedMs / 1000);
}

/**
 * How many segments ahead of the newest one may be waited for: players of low-latency DASH ask by the clock, and the encoder may be
 * behind it.
 */
const AHEAD_MAX = 2;

function heldIn(window: LiveWindow, run: LiveRun, rendition: string, name: string): HeldMedia {
  const header = window.runs.find((each) => each.broadcastId === run.broadcastId && initName(each.run) === name);
  if (header !== undefined) return orSpooled(header.inits.get(rendition)?.bytes ?? null);
  const position = readName(name);
  if (position === null) return { kind: 'spooled' };
  const renditionWindow = window.rendition(rendition);
  const isNewest = run === window.runs.at(-1) && window.endedAt === null;
  if (renditionWindow === null) return { kind: 'spooled' };
  const coming = isNewest ? { kind: 'coming' as const, position, window } : null;
  return position.part === undefined
    ? segmentIn(renditionWindow, run.broadcastId, position.number, coming)
    : partIn(renditionWindow, run.broadcastId, { number: position.number, part: position.part }, coming);
}

/** `<number>.m4s` or `<number>.<part>.m4s`, exactly as we write them. */
function readName(name: string): Position | null {
  const [, segment, part] = /^(\d{1,12})(?:\.(\d{1,6}))?\.m4s$/.exec(name) ?? [];
  if (segment === undefined) return null;
  const position = { number: Number(segment), part: part === undefined ? undefined : Number(part) };
  const ours = position.part === undefined ? segmentName(position.number) : partName(position.number, position.part);
  return ours === name ? position : null;
}

function segmentIn(
  rendition: RenditionWindow,
  broadcastId: string,
  number: number,
  coming: HeldMedia | null,
): HeldMedia {
  const segment = rendition.find(broadcastId, number);
  if (segment !== null) return segment.gap ? { kind: 'absent' } : orSpooled(segment.bytes);
  const { open } = rendition;
  if (open?.number === number && open.run.broadcastId === broadcastId) return { kind: 'growing', segment: open };
  const next = open?.number ?? rendition.newest?.number ?? -1;
  return coming !== null && number > next && number <= next + AHEAD_MAX ? coming : { kind: 'spooled' };
}

/** Parts can be had for as long as their segment is known: longer than the three target durations after they were listed (§6.2.2). */
function partIn(
  rendition: RenditionWindow,
  broadcastId: string,
  { number, part }: { readonly number: number; readonly part: number },
  coming: HeldMedia | null,
): HeldMedia {
  const { open } = rendition;
  const held = open?.number === number && open.run.broadcastId === broadcastId ? open.parts[part] : undefined;
  if (held !== undefined) return { kind: 'bytes', bytes: held.bytes };
  const segment = rendition.find(broadcastId, number);
  const listed = segment?.parts[part];
  if (segment !== null && listed !== undefined) {
    const { offset, size } = listed;
    if (segment.bytes === null) return { kind: 'spooled', within: { name: segmentName(number), offset, size } };
    return { kind: 'bytes', bytes: segment.bytes.subarray(offset, offset + size) };
  }
  const next = nextPart(rendition);
  if (coming === null || segment !== null || next === null) return { kind: 'absent' };
  const hinted = number === next.number && part === next.part;
  // Either may come: where a segment ends is not always known before.
  const goesOn = open !== null && !open.closed && number === open.number && part === open.parts.length;
  const begins = number === next.number + 1 && part === 0;
  return hinted || goesOn || begins ? coming : { kind: 'absent' };
}

function orSpooled(bytes: Buffer | null): HeldMedia {
  return bytes === null ? { kind: 'spooled' } : { kind: 'bytes', bytes };
}
