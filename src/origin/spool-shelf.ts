import { dirname, join } from 'node:path';
import { messageOf } from '../telemetry/failure.js';
import { initName, type LiveSegment, segmentName } from './live-segment.js';
import { settlesWithin } from './settles-within.js';
import type { SpoolDisk } from './spool-disk.js';
import { JOURNAL_NAME, type JournalRecord, journalLine, runRecord, segmentRecord } from './spool-journal.js';

export interface ShelfOptions {
  readonly folder: string;
  readonly broadcastId: string;
  readonly channel: string;
  readonly startedAt: number;
  readonly disk: SpoolDisk;
  readonly now: () => number;
  /** What takes longer goes on alone, and a write then counts as failed: a stuck disk does not hold up the live picture. */
  readonly writeTimeoutMs: number;
  /** After a failure the disk is left alone for this long. */
  readonly retryMs: number;
  readonly onTrouble: (error: unknown) => void;
  readonly onRecovered: () => void;
}

/**
 * One broadcast's folder in the spool.
 *
 * Life: made at the broadcast's first run → `store` for each segment, one after another → `end`. A write that fails or is
 * late puts it aside for `retryMs`: segments then live in memory alone and the recording is incomplete, for good.
 */
export class SpoolShelf {
  readonly broadcastId: string;
  readonly channel: string;
  readonly startedAt: number;
  endedAt: number | null = null;
  /** Of the segments it holds, epoch ms. */
  oldestAt: number;
  trimmedAt: number;
  lastAt: number;
  bytes = 0;
  incomplete = false;
  /** Nothing more will be asked of it for the store. */
  recorded = false;
  readonly #options: ShelfOptions;
  readonly #written = new Set<string>();
  readonly #journalled = new Set<number>();
  #unsynced = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();
  #owed: JournalRecord[] = [];
  #hasFolder = false;
  #torn = false;
  /** What outlasted its time and is still under way: nothing else may touch the folder meanwhile. */
  #late: Promise<void> | null = null;
  #asideUntil = 0;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.broadcastId = options.broadcastId;
    this.channel = options.channel;
    this.startedAt = options.startedAt;
    this.lastAt = options.startedAt;
    this.oldestAt = options.startedAt;
    this.trimmedAt = options.startedAt;
    this.#owed.push({ kind: 'broadcast', version: 1, channel: options.channel, startedAt: options.startedAt });
  }

  get #journal(): string {
    return join(this.#options.folder, JOURNAL_NAME);
  }

  /** Marks what a journal already says, when a broadcast goes on after a restart. */
  resume(facts: Pick<SpoolShelf, 'bytes' | 'incomplete' | 'recorded' | 'endedAt' | 'lastAt'>): void {
    Object.assign(this, facts);
    this.#owed = [];
    // The last line may be torn: begin on a fresh one.
    this.#torn = true;
  }

  /** True once segment, header and journal line are on disk (not necessarily synced); false when the disk is in trouble. */
  store(segment: LiveSegment, bytes: Buffer): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#late !== null || this.#options.now() < this.#asideUntil) {
        this.#owe({ kind: 'incomplete', at: this.#options.now(), reason: 'the spool could not be written' });
        return false;
      }
      return this.#outcome(this.#write(segment, bytes));
    });
  }

  /** The broadcast is over; `at` in epoch ms. `cutOff`: since the box was. */
  end(at: number, cutOff = false): Promise<void> {
    return this.#inTurn(async () => {
      if (this.endedAt !== null) return;
      this.endedAt = at;
      this.#owed.push({ kind: 'end', at, ...(cutOff ? { cutOff } : {}) });
      await this.#tell();
    });
  }

  /** All that is to be kept of it is in the store. */
  markRecorded(at: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.recorded) return;
      this.recorded = true;
      this.#owed.push({ kind: 'recorded', at });
      await this.#tell();
    });
  }

  /** Makes what was written survive a power cut: media first, then the journal that speaks of it. */
  sync(): Promise<void> {
    const paths = [...this.#unsynced];
    if (paths.length === 0 || this.#late !== null) return Promise.resolve();
    this.#unsynced = new Set();
    return Promise.all(paths.map((path) => this.#options.disk.sync(path)))
      .then(() => this.#options.disk.sync(this.#journal))
      .catch(this.#options.onTrouble);
  }

  /** Runs `work` when nothing else is under way, late or not. Segments that come meanwhile wait for it, or go without once it is late. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      // Out of turn: a disk that hangs must not hold up those who come next.
      await this.#late;
      const begun = await this.#inTurn(async () => {
        if (this.#late !== null) return null;
        const working = work();
        await this.#inTime(working);
        return { working };
      });
      if (begun !== null) return begun.working;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #outcome(writing: Promise<void>): Promise<boolean> {
    if (!(await this.#inTime(writing))) return this.#putAside('the disk was too slow');
    try {
      await writing;
    } catch (error) {
      this.#options.onTrouble(error);
      return this.#putAside(messageOf(error));
    }
    if (this.#asideUntil > 0) this.#options.onRecovered();
    this.#asideUntil = 0;
    return true;
  }

  /** False: its time is over, and it goes on. */
  async #inTime(work: Promise<unknown>): Promise<boolean> {
    const { writeTimeoutMs, onTrouble } = this.#options;
    const inTime = await settlesWithin(writeTimeoutMs, work);
    if (inTime) return true;
    this.#goOnLate(work);
    onTrouble(new Error(`the disk has not answered for ${writeTimeoutMs} ms`));
    return false;
  }

  /** It keeps every other write off the disk until it is through. */
  #goOnLate(work: Promise<unknown>): void {
    const through = () => {
      if (this.#late === late) this.#late = null;
    };
    const late = work.then(through, through);
    this.#late = late;
  }

  #putAside(reason: string): false {
    this.#asideUntil = this.#options.now() + this.#options.retryMs;
    this.#owe({ kind: 'incomplete', at: this.#options.now(), reason });
    return false;
  }

  /** The journal says once that it is incomplete, as soon as it can. */
  #owe(record: JournalRecord): void {
    if (!this.incomplete) this.#owed.push(record);
    this.incomplete = true;
  }

  async #write(segment: LiveSegment, bytes: Buffer): Promise<void> {
    await this.#writeHeader(segment);
    await this.#writeFile(join(segment.rendition, segmentName(segment.number)), bytes);
    this.#owed.push(segmentRecord(segment, this.#options.now()));
    await this.#append();
    this.lastAt = this.#options.now();
  }

  async #writeHeader({ run, rendition }: LiveSegment): Promise<void> {
    const init = run.inits.get(rendition);
    const name = join(rendition, initName(run.run));
    if (init === undefined || init.bytes === null || this.#written.has(name)) return;
    await this.#options.disk.makeFolder(join(this.#options.folder, rendition));
    await this.#writeFile(name, init.bytes);
    this.#written.add(name);
    if (!this.#journalled.has(run.run)) this.#owed.push(runRecord(run));
    this.#journalled.add(run.run);
    const { bytes, ...track } = init;
    this.#owed.push({ kind: 'init', run: run.run, rendition, track, bytes: bytes.length });
  }

  async #writeFile(name: string, bytes: Buffer): Promise<void> {
    const path = join(this.#options.folder, name);
    await this.#options.disk.write(path, bytes);
    this.bytes += bytes.length;
    this.#unsynced.add(path);
    this.#unsynced.add(dirname(path));
  }

  /** The journal says what it is owed now, or once a late write is through: nobody waits for that. */
  async #tell(): Promise<void> {
    const telling = (this.#late ?? Promise.resolve()).then(() => this.#append()).catch(this.#options.onTrouble);
    if (this.#late === null) await this.#inTime(telling);
    else this.#goOnLate(telling);
  }

  /** Writes what the journal is owed. What fails stays owed; what a failure wrote of it twice, readers skip. */
  async #append(): Promise<void> {
    const records = [...this.#owed];
    const lines = records.map(journalLine).join('');
    const text = this.#torn ? `\n${lines}` : lines;
    this.#torn = true;
    if (!this.#hasFolder) await this.#options.disk.makeFolder(this.#options.folder);
    this.#hasFolder = true;
    await this.#options.disk.append(this.#journal, text);
    this.#torn = false;
    this.#owed.splice(0, records.length);
  }
}
