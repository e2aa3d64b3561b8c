import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import type { SourceFacts } from '../media/source-facts.js';
import type { PublisherSession } from './broadcast.js';
import type { FeedSink, FeedStart } from './feed-sink.js';
import { type Probe, probe } from './ffmpeg.fixture.js';
import type { PublishRequest } from './publish.js';
import { type BenchOptions, PublishingBench } from './publishing.fixture.js';
import type { MediaMessage } from './rtmp/flv-content.js';
import { FlvReader } from './rtmp/flv-reader.js';

const run = promisify(execFile);

interface MemoryFeed {
  readonly start: FeedStart;
  readonly writable: Writable;
  readonly bytes: () => Buffer;
}

/** Takes everything at once and keeps it: with a clock that is not real, nothing may depend on a disk's pace. */
class MemorySink implements FeedSink {
  readonly feeds: MemoryFeed[] = [];
  readonly ended: string[] = [];

  open(start: FeedStart): Writable {
    const chunks: Buffer[] = [];
    const writable = new Writable({
      highWaterMark: 2 ** 28,
      write: (chunk, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
    this.feeds.push({ start, writable, bytes: () => Buffer.concat(chunks) });
    return writable;
  }

  endBroadcast(broadcastId: string): void {
    this.ended.push(broadcastId);
  }
}

/** A recording that one publisher sends: when (ms of the stage), and from which message on. */
export interface Part {
  readonly session: PublisherSession;
  readonly messages: readonly MediaMessage[];
  /** When the first of them is sent, ms; the rest follow at their own pace. */
  readonly at: number;
  /** The pace: 2 sends twice as fast as the times say. Default 1. */
  readonly speed?: number;
}

/**
 * A channel and its publishers on a clock that only the test moves. Needs
 * `vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })`.
 */
export class Stage {
  readonly bench: PublishingBench;
  readonly sink: MemorySink;
  readonly #readers = new Map<PublisherSession, FlvReader>();
  #now = 0;

  private constructor(bench: PublishingBench, sink: MemorySink) {
    this.bench = bench;
    this.sink = sink;
  }

  static async open(options: BenchOptions = {}): Promise<Stage> {
    const sink = new MemorySink();
    return new Stage(await PublishingBench.open({ sink, ...options }), sink);
  }

  async admit(options: Partial<PublishRequest> = {}): Promise<PublisherSession> {
    const who = {
      streamKey: 'key-hall',
      channel: null,
      backup: false,
      protocol: 'rtmp',
      remoteAddress: '192.0.2.1',
    } as const;
    const admission = await this.bench.publishing.admit({ ...who, onStop: () => {}, ...options });
    if (!admission.ok) throw new Error(admission.message);
    return admission.session;
  }

  /** The clock moves on to `ms`. */
  waitUntil(ms: number): void {
    if (ms > this.#now) vi.advanceTimersByTime(ms - this.#now);
    this.#now = Math.max(this.#now, ms);
  }

  /** Sends several recordings side by side, each message when its time has come. */
  play(...parts: readonly Part[]): void {
    const due = parts.flatMap(({ session, messages, at, speed = 1 }) => {
      const first = messages.find((message) => message.clock > 0)?.clock ?? 0;
      return messages.map((message) => ({ session, message, at: at + Math.max(0, message.clock - first) / speed }));
    });
    for (const { session, message, at } of due.sort((a, b) => a.at - b.at)) {
      this.waitUntil(Math.round(at));
      const content = this.#readerOf(session).read(message);
      if (content.kind === 'config') session.config(content.config);
      if (content.kind === 'frame') session.frame(content.frame);
    }
  }

  #readerOf(session: PublisherSession): FlvReader {
    const reader = this.#readers.get(session) ?? new FlvReader();
    this.#readers.set(session, reader);
    return reader;
  }

  async file(feed: number): Promise<string> {
    // A feed hands on at the end of a turn what came in it.
    await nextTurn();
    const file = join(this.bench.folder, `memory-${feed}.mkv`);
    await writeFile(file, this.sink.feeds[feed]?.bytes() ?? Buffer.alloc(0));
    return file;
  }

  /** What ffprobe reads in a feed; times in ms of the timeline. */
  async packets(feed: number): Promise<Probe['packets']> {
    return (await probe(await this.file(feed))).packets;
  }

  close(): Promise<void> {
    return this.bench.close();
  }
}

/** A slate as transcode would make it, by the real ffmpeg. */
export async function recordSlate({ video, audio }: SourceFacts): Promise<Buffer> {
  const rate = video?.frameRate ?? 25;
  const picture = ['-f', 'lavfi', '-i', `color=c=navy:s=${video?.width}x${video?.height}:r=${rate}`];
  const silence = [
    '-f',
    'lavfi',
    '-i',
    `anullsrc=r=${audio?.sampleRate}:cl=${audio?.channels === 1 ? 'mono' : 'stereo'}`,
  ];
  const inputs = [...(video === null ? [] : picture), ...(audio === null ? [] : silence)];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    String(rate),
    '-bf',
    '0',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  const args = ['-v', 'error', ...inputs, ...codecs, '-t', '2', '-f', 'mpegts', 'pipe:1'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 24 });
  return stdout;
}
