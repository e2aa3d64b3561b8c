import { join } from 'node:path';
import { BROADCAST_ID } from '../media/media-path.js';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { segmentName } from './live-segment.js';
import type { ObjectFacts, Objects, ReadableObject } from './object-reader.js';
import { settlesWithin } from './settles-within.js';
import { localDisk, type SpoolDisk } from './spool-disk.js';
import { JOURNAL_NAME, type JournalSummary, type SegmentRecord, summarizeJournal } from './spool-journal.js';
import { broadcastsToDrop, type Retention, type SpoolFollower, trimDue, trimShelf } from './spool-retention.js';
import { SpoolShelf } from './spool-shelf.js';

export interface SpoolOptions {
  readonly folder: string;
  readonly retention: Retention;
  /** Segments of each rendition to bring back of a channel's last broadcast. */
  readonly tailLength: number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly disk?: SpoolDisk;
  readonly now?: () => number;
  readonly writeTimeoutMs?: number;
  readonly retryMs?: number;
}

const WRITE_TIMEOUT_MS = 3000;
const SYNC_MS = 1000;
const SWEEP_MS = 60_000;

/**
 * The box's local record of what was announced: `<folder>/<broadcastId>/<rendition>/<name>` and a journal a broadcast.
 *
 * Life: `openSpool` reads the journals and closes what a crash left open → shelves are made as broadcasts begin → `close`.
 * Every second what is new is synced, every minute what is old goes.
 */
export class Spool implements Objects {
  /** The last broadcast of each channel, as the journals had it at start. */
  readonly recovered: readonly JournalSummary[];
  /** Set before the first sweep, by whoever puts it into a store. */
  follower: SpoolFollower | null = null;
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #now: () => number;
  readonly #shelves: Map<string, SpoolShelf>;
  readonly #failures;
  readonly #held;
  readonly #timers: NodeJS.Timeout[];
  #sweeping: Promise<void> | null = null;

  constructor(options: SpoolOptions, shelves: Map<string, SpoolShelf>, recovered: readonly JournalSummary[]) {
    this.#options = options;
    this.#disk = options.disk ?? localDisk;
    this.#now = options.now ?? Date.now;
    this.#shelves = shelves;
    this.recovered = recovered;
    this.#failures = options.metrics.counter(
      'origin_spool_failures_total',
      'Times that the spool could not be written, or its disk did not answer. Live goes on from memory, the recording has a hole: free disk space, or check the disk.',
    );
    this.#held = options.metrics.gauge(
      'origin_spool_bytes',
      'Bytes of media in the spool. The retention settings bound it.',
    );
    this.#held.set(this.bytes);
    const sweep = setInterval(() => void this.sweep(), SWEEP_MS);
    const sync = setInterval(() => void this.sync(), SYNC_MS);
    this.#timers = [sweep.unref(), sync.unref()];
  }

  get bytes(): number {
    return [...this.#shelves.values()].reduce((sum, shelf) => sum + shelf.bytes, 0);
  }

  /** The shelf of a broadcast, made at its first run. */
  shelf(broadcast: { broadcastId: string; channel: string; startedAt: number }): SpoolShelf {
    const existing = this.#shelves.get(broadcast.broadcastId);
    if (existing !== undefined) {
      existing.endedAt = null;
      return existing;
    }
    const log = this.#options.log.child({ channel: broadcast.channel, broadcast: broadcast.broadcastId });
    const created = makeShelf(this.#options, broadcast, {
      onTrouble: (error) => this.#onTrouble(log, error),
      onRecovered: () => log.info('the spool takes segments again; the recording stays incomplete'),
    });
    this.#shelves.set(broadcast.broadcastId, created);
    return created;
  }

  get shelves(): readonly SpoolShelf[] {
    return [...this.#shelves.values()];
  }

  /** The lines of a broadcast's journal, which must not be written to meanwhile: at start, that is. */
  journal(broadcastId: string): AsyncIterable<string> {
    return this.#disk.lines(join(this.#options.folder, broadcastId, JOURNAL_NAME));
  }

  /** The file of a key that `head` knows. */
  pathOf(key: string): string {
    return join(this.#options.folder, key);
  }

  /** Keeps a text beside a broadcast's segments, in place of what was there; false: there is no such broadcast, or it failed. */
  async keepBeside(broadcastId: string, name: string, text: string): Promise<boolean> {
    const shelf = this.#shelves.get(broadcastId);
    if (shelf === undefined) return false;
    const written = shelf.exclusively(() => this.#disk.write(join(this.#options.folder, broadcastId, name), text));
    // Of trouble with the disk the segments tell.
    return written.then(
      () => true,
      () => false,
    );
  }

  /** Null where there is none, or more than `bytesMax`. */
  async beside(broadcastId: string, name: string, bytesMax: number): Promise<string | null> {
    const path = join(this.#options.folder, broadcastId, name);
    const found = await this.#disk.size(path);
    if (found === null || found.bytes > bytesMax) return null;
    const pieces: Buffer[] = [];
    for await (const piece of this.#disk.read(path) as AsyncIterable<Buffer>) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }

  /** Nothing more will be asked of a broadcast for the store. */
  async markRecorded(broadcastId: string): Promise<void> {
    await this.#shelves.get(broadcastId)?.markRecorded(this.#now());
  }

  async deleteBroadcast(broadcastId: string): Promise<void> {
    await this.#drop(this.shelves.filter((shelf) => shelf.broadcastId === broadcastId));
  }

  /** Whether anything announced of that broadcast is missing here. */
  isIncomplete(broadcastId: string): boolean {
    return this.#shelves.get(broadcastId)?.incomplete ?? false;
  }

  /** Keys are `<broadcastId>/<rendition>/<name>`, made of parts that `readMediaPath` has checked. */
  async head(key: string): Promise<ObjectFacts | null> {
    if (!this.#shelves.has(key.split('/')[0] ?? '')) return null;
    const found = await this.#disk.size(join(this.#options.folder, key));
    // An empty file is what a power cut leaves of one that was never synced.
    if (found === null || found.bytes === 0) return null;
    return { size: found.bytes, etag: `"${key.replaceAll('/', '-')}"`, lastModified: found.changedAt };
  }

  async get(key: string, range?: { start: number; end: number }): Promise<ReadableObject | null> {
    const facts = await this.head(key);
    return facts && { ...facts, body: this.#disk.read(join(this.#options.folder, key), range) };
  }

  async deleteChannel(channel: string): Promise<void> {
    await this.#drop([...this.#shelves.values()].filter((shelf) => shelf.channel === channel));
  }

  async sync(): Promise<void> {
    this.#held.set(this.bytes);
    await Promise.all([...this.#shelves.values()].map((shelf) => shelf.sync()));
  }

  /** Drops what is too old or too much, oldest first. One sweep at a time. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce()
      .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'the spool could not be swept'))
      .finally(() => {
        this.#sweeping = null;
      });
    return this.#sweeping;
  }

  /** Returns when all is written and synced, or when the disk has taken longer over that than it may over one write. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await settlesWithin(this.#options.writeTimeoutMs ?? WRITE_TIMEOUT_MS, this.#settle());
  }

  async #settle(): Promise<void> {
    await this.#sweeping;
    await Promise.all(this.shelves.map((shelf) => shelf.exclusively(async () => undefined)));
    await this.sync();
  }

  async #sweepOnce(): Promise<void> {
    const { retention } = this.#options;
    await this.#drop(broadcastsToDrop(this.shelves, this.#now(), retention, this.follower));
    const running = this.shelves.filter(
      (shelf) => shelf.endedAt === null || !(this.follower === null || shelf.recorded),
    );
    const folderOf = (shelf: SpoolShelf) => join(this.#options.folder, shelf.broadcastId);
    const sweep = { folderOf, disk: this.#disk, now: this.#now(), retention, follower: this.follower };
    for (const shelf of running) {
      const bytesOver = trimDue(shelf, this.bytes, this.#now(), retention);
      if (bytesOver !== null) await trimShelf(shelf, sweep, bytesOver);
    }
  }

  async #drop(shelves: readonly SpoolShelf[]): Promise<void> {
    for (const shelf of shelves) {
      this.#shelves.delete(shelf.broadcastId);
      await shelf.exclusively(() => this.#disk.remove(join(this.#options.folder, shelf.broadcastId)));
    }
  }

  #onTrouble(log: Log, error: unknown): void {
    this.#failures.inc();
    const hint =
      'Live goes on from memory and the recording is incomplete. Free disk space, or lower live.spoolBytesMax.';
    log.warn({ error: messageOf(error), hint }, 'the spool could not be written');
    void this.sweep();
  }
}

function makeShelf(
  options: SpoolOptions,
  broadcast: { broadcastId: string; channel: string; startedAt: number },
  told: { onTrouble: (error: unknown) => void; onRecovered: () => void },
): SpoolShelf {
  return new SpoolShelf({
    ...broadcast,
    ...told,
    folder: join(options.folder, broadcast.broadcastId),
    disk: options.disk ?? localDisk,
    now: options.now ?? Date.now,
    writeTimeoutMs: options.writeTimeoutMs ?? WRITE_TIMEOUT_MS,
    retryMs: options.retryMs ?? 5000,
  });
}

/** Opens the spool and reads its journals; broadcasts that a crash left open are closed at the time of their last segment. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const disk = options.disk ?? localDisk;
  await disk.makeFolder(options.folder);
  const shelves = new Map<string, SpoolShelf>();
  const last = new Map<string, JournalSummary>();
  for (const broadcastId of (await disk.list(options.folder)).filter((name) => BROADCAST_ID.test(name))) {
    const journal = join(options.folder, broadcastId, JOURNAL_NAME);
    const summary = await summarizeJournal(broadcastId, disk.lines(journal), options.tailLength);
    if (summary === null) {
      await disk.remove(join(options.folder, broadcastId));
      continue;
    }
    shelves.set(broadcastId, await reopenShelf(options, summary));
    const other = last.get(summary.channel);
    if (other === undefined || other.startedAt <= summary.startedAt) last.set(summary.channel, summary);
  }
  const recovered = await Promise.all([...last.values()].map((summary) => withoutLost(summary, options.folder, disk)));
  return new Spool(options, shelves, recovered);
}

/** Leaves out of the tail what the journal tells of and a power cut took: files that are gone, empty or short. */
async function withoutLost(summary: JournalSummary, folder: string, disk: SpoolDisk): Promise<JournalSummary> {
  const tail = new Map<string, SegmentRecord[]>();
  for (const [rendition, segments] of summary.tail) {
    const kept: SegmentRecord[] = [];
    for (const segment of segments) {
      const found = await disk.size(join(folder, summary.broadcastId, rendition, segmentName(segment.number)));
      if (found?.bytes === segment.bytes) kept.push(segment);
    }
    tail.set(rendition, kept);
  }
  return { ...summary, endedAt: summary.endedAt ?? summary.lastAt, tail };
}

async function reopenShelf(options: SpoolOptions, summary: JournalSummary): Promise<SpoolShelf> {
  const log = options.log.child({ channel: summary.channel, broadcast: summary.broadcastId });
  const shelf = makeShelf(options, summary, {
    onTrouble: (error) => log.warn({ error: messageOf(error) }, 'the spool could not be written'),
    onRecovered: () => log.info('the spool takes segments again'),
  });
  const { bytes, incomplete, recorded, endedAt, lastAt, startedAt } = summary;
  shelf.resume({ bytes, incomplete, recorded, endedAt, lastAt: lastAt || startedAt });
  if (endedAt === null) await shelf.end(lastAt || startedAt, true);
  return shelf;
}
