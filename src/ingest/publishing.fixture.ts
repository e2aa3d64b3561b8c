import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ChannelSettings, DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { FeedSink, FeedStart } from './feed-sink.js';
import type { BroadcastEvent, CaptionsFound, TimedMetadataEvent } from './live-events.js';
import { Publishing, type PublishingOptions } from './publish.js';

/** A sink that writes each feed to a file of its own, so that ffprobe can judge it. */
export class FileSink implements FeedSink {
  readonly feeds: { start: FeedStart; file: string; writable: Writable }[] = [];
  readonly ended: string[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  open(start: FeedStart): Writable {
    const file = join(this.#folder, `feed-${this.feeds.length}.mkv`);
    const writable = createWriteStream(file);
    this.feeds.push({ start, file, writable });
    return writable;
  }

  endBroadcast(broadcastId: string): void {
    this.ended.push(broadcastId);
  }
}

export interface BenchOptions extends Partial<PublishingOptions> {
  /** Of every channel. */
  readonly settings?: Partial<ChannelSettings>;
}

/** A Publishing for one key a channel (`key-NAME` publishes `NAME`), over a file sink or the given one. */
export class PublishingBench {
  readonly folder: string;
  readonly sink: FileSink;
  readonly metrics = new Metrics();
  readonly events: (BroadcastEvent & { kind: 'started' | 'ended' })[] = [];
  readonly told: TimedMetadataEvent[] = [];
  readonly captions: CaptionsFound[] = [];
  /** `from > to`, in order. */
  readonly switches: string[] = [];
  readonly publishing: Publishing;

  private constructor(folder: string, { settings = {}, ...options }: BenchOptions) {
    this.folder = folder;
    this.sink = new FileSink(folder);
    this.publishing = new Publishing({
      authorize: {
        channelForKey: async (key) =>
          /^key-[a-z]+$/.test(key)
            ? { channel: key.slice('key-'.length), settings: { ...DEFAULT_CHANNEL_SETTINGS, ...settings } }
            : null,
      },
      events: {
        broadcastStarted: (event) => this.events.push({ kind: 'started', ...event }),
        broadcastEnded: (event) => this.events.push({ kind: 'ended', ...event }),
        sourceChanged: ({ from, to }) => this.switches.push(`${from} > ${to}`),
        timedMetadata: (event) => this.told.push(event),
        captionsFound: (event) => this.captions.push(event),
      },
      sink: this.sink,
      log: silentLog,
      metrics: this.metrics,
      ...options,
    });
  }

  static async open(options: BenchOptions = {}): Promise<PublishingBench> {
    return new PublishingBench(await mkdtemp(join(tmpdir(), 'headwater-ingest-')), options);
  }

  /** Resolves when the feed's file is whole; its path. */
  async feedFile(index: number): Promise<string> {
    const feed = this.sink.feeds[index];
    if (feed === undefined) throw new Error(`there is no feed ${index}`);
    if (!feed.writable.closed) await finished(feed.writable).catch(() => once(feed.writable, 'close'));
    return feed.file;
  }

  async close(): Promise<void> {
    await this.publishing.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function until(done: () => boolean, what: string, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!done()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
