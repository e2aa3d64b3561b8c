import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { LiveChannel, type RunSink, type RunStart } from './live-channel.js';
import { initName, type LiveRun, type LiveSegment, segmentName } from './live-segment.js';
import { LiveWindow } from './live-window.js';
import type { Spool } from './spool.js';
import type { JournalSummary } from './spool-journal.js';

/** Takes what transcode makes: one run for each ffmpeg process. */
export interface FragmentSink {
  openRun(run: RunStart): RunSink;
  /** Everything of this broadcast that will come has come. */
  endBroadcast(broadcastId: string): void;
}

export interface LiveChannelsOptions {
  readonly spool: Spool;
  readonly windowSegments: number;
  readonly memoryBytesMax: number;
  readonly segmentBytesMax: number;
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

/** Bytes held for a media address, or word that only the spool may have them. */
export type HeldMedia =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'spooled' }
  | { readonly kind: 'coming'; readonly number: number; readonly window: LiveWindow }
  | { readonly kind: 'gap' };

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
    for (const channel of this.#channels.values()) channel.endBroadcast(broadcastId);
  }

  /** Null when the channel has nothing to show. */
  window(channel: string): LiveWindow | null {
    const window = this.#channels.get(channel)?.window ?? null;
    return window === null || this.#expired(window) ? null : window;
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
    const { spool, windowSegments, memoryBytesMax, segmentBytesMax, now, log } = this.#options;
    const channel = new LiveChannel({
      window: new LiveWindow({ channel: name, windowSegments, memoryBytesMax, ...next }),
      shelfFor: (run) => spool.shelf(run),
      segmentBytesMax,
      now,
      log: log.child({ channel: name }),
      onAnnounced: (segment) => {
        this.#segments.inc();
        this.#bytes.inc(segment.size);
      },
    });
    this.#channels.set(name, channel);
    return channel;
  }

  /** Shows a channel's last broadcast again, ended where its journal ends. */
  #recover({ channel, broadcastId, endedAt, lastAt, runs, tail }: JournalSummary): void {
    const placed = runs.filter((run) => run.place !== null);
    const last = placed.at(-1);
    const numbers = [...tail.values()].flatMap((segments) => segments.map((segment) => segment.number));
    if (last?.place === undefined || last.place === null || numbers.length === 0) return;
    const { window } = this.#addChannel(channel, {
      nextNumber: Math.max(...numbers) + 1,
      nextDiscontinuity: last.place.discontinuity + 1,
      cutOffGraceMs: endedAt === null ? this.#options.cutOffGraceMs : 0,
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

function heldIn(window: LiveWindow, run: LiveRun, rendition: string, name: string): HeldMedia {
  const header = window.runs.find((each) => each.broadcastId === run.broadcastId && initName(each.run) === name);
  if (header !== undefined) return orSpooled(header.inits.get(rendition)?.bytes ?? null);
  const number = Number(/^(\d{1,12})\.m4s$/.exec(name)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(number) || segmentName(number) !== name) return { kind: 'spooled' };
  const renditionWindow = window.rendition(rendition);
  const segment: LiveSegment | null = renditionWindow?.find(run.broadcastId, number) ?? null;
  if (segment !== null) return segment.gap ? { kind: 'gap' } : orSpooled(segment.bytes);
  const next = (renditionWindow?.newest?.number ?? -1) + 1;
  const isNewest = run === window.runs.at(-1) && window.endedAt === null;
  return isNewest && renditionWindow !== null && number === next
    ? { kind: 'coming', number, window }
    : { kind: 'spooled' };
}

function orSpooled(bytes: Buffer | null): HeldMedia {
  return bytes === null ? { kind: 'spooled' } : { kind: 'bytes', bytes };
}
