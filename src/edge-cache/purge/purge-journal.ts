/**
 * The purges of this edge in their order, for itself after a restart and for those below that follow them.
 *
 * Kept on disk, one JSON line each, written and synced before anybody is told that a purge is done; a line that a crash has cut
 * off is dropped. Bounded: the last 10,000 are kept. `epoch` names this journal: one that was lost begins another.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Purge } from './purge.js';

export interface Place {
  readonly epoch: string;
  /** The number of the last purge that is done; the first has 1. */
  readonly last: number;
}

interface Entry {
  readonly number: number;
  /** When, epoch ms. */
  readonly at: number;
  readonly purge: Purge;
}

interface Head extends Place {
  /** Of what came before, nothing is known; epoch ms. */
  readonly knownFrom: number;
}

const keptMax = 10_000;

export class PurgeJournal {
  readonly #path: string | null;
  #epoch = '';
  #entries: Entry[] = [];
  #knownFrom: number;
  #last = 0;
  #file: number | null = null;
  #lines = 0;

  /** @param path null: in memory alone. @param now epoch ms. Throws where the file can't be written. */
  constructor(path: string | null, now: number) {
    this.#path = path;
    this.#knownFrom = now;
    if (path !== null) this.#read(path);
    if (this.#epoch === '') this.#epoch = randomBytes(12).toString('base64url');
    this.#rewrite();
  }

  get place(): Place {
    return { epoch: this.#epoch, last: this.#last };
  }

  /** Throws where it can't be written; then it is not in the journal. */
  append(purge: Purge, at: number): void {
    const entry = { number: this.#last + 1, at, purge };
    if (this.#file !== null) {
      writeSync(this.#file, lineOf(entry));
      fdatasyncSync(this.#file);
    }
    this.#last = entry.number;
    this.#entries.push(entry);
    this.#lines += 1;
    if (this.#lines > 2 * keptMax) this.#rewrite();
  }

  /** Those behind that place, in order; null: it cannot be said which those are. */
  after({ epoch, last }: Place): readonly Purge[] | null {
    const first = this.#last - Math.min(this.#entries.length, keptMax) + 1;
    const isKnown = epoch === this.#epoch && last >= first - 1 && last <= this.#last;
    if (!isKnown) return null;
    return this.#entries.filter(({ number }) => number > last).map(({ purge }) => purge);
  }

  /** Those carried out since then, epoch ms; null: some of them are forgotten. */
  since(at: number): readonly Purge[] | null {
    if (at < this.#knownFrom) return null;
    const found: Purge[] = [];
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry === undefined || entry.at < at) break;
      found.push(entry.purge);
    }
    return found;
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #read(path: string): void {
    const [head = '', ...lines] = readLines(path);
    const { epoch, last, knownFrom } = (parsed(head) ?? {}) as Partial<Head>;
    if (typeof epoch !== 'string' || epoch === '' || typeof last !== 'number' || typeof knownFrom !== 'number') return;
    const entries = lines.map((line) => parsed(line) as Entry | null);
    const broken = entries.findIndex((entry) => typeof entry?.number !== 'number');
    // Behind a broken line nothing is certain; before it all is.
    const whole = (broken < 0 ? entries : entries.slice(0, broken)) as Entry[];
    // What was never synced may have been told to somebody all the same: another journal, so that all who follow look again.
    if (broken >= 0 && broken < entries.length - 1) return;
    this.#epoch = epoch;
    this.#entries = whole;
    this.#last = whole.at(-1)?.number ?? last;
    this.#knownFrom = knownFrom;
  }

  /** With what is kept alone, beside the old one and in its place by a rename. */
  #rewrite(): void {
    const dropped = this.#entries.at(-keptMax - 1);
    if (dropped !== undefined) this.#knownFrom = dropped.at + 1;
    this.#entries = this.#entries.slice(-keptMax);
    this.#lines = this.#entries.length;
    if (this.#path === null) return;
    this.close();
    const first = this.#last - this.#entries.length;
    const head: Head = { epoch: this.#epoch, last: first, knownFrom: this.#knownFrom };
    const text = [`${JSON.stringify(head)}\n`, ...this.#entries.map(lineOf)].join('');
    const next = `${this.#path}.next`;
    writeFileSync(next, text, { mode: 0o600 });
    const written = openSync(next, 'r');
    fsyncSync(written);
    closeSync(written);
    renameSync(next, this.#path);
    this.#file = openSync(this.#path, 'a', 0o600);
  }
}

const lineOf = (entry: Entry): string => `${JSON.stringify(entry)}\n`;

function readLines(path: string): string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    // Behind the last line's end is nothing, or what a crash has cut off.
    lines.pop();
    return lines;
  } catch {
    return [];
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
