/**
 * The events that one receiver has not taken yet, kept in a file so that a restart forgets none.
 *
 * The file has one line for each event that came (`{"id","body"}`) and one for each that is done with (`{"done"}`), in
 * order. It is written behind the events, and who tells of them never waits for it: a crash loses what was told within the
 * last moments, a power cut what was told within the last seconds. It is rewritten when it has grown to its bound.
 *
 * Lifetime: `openEventJournal` reads what a former life left; `close` waits for what is being written.
 */
import { appendFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';

export interface WaitingEvent {
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

export interface EventJournalOptions {
  readonly file: string;
  /** Of the file; it is rewritten before it grows beyond, so twice what may wait is plenty. */
  readonly bytesMax: number;
  readonly log: Log;
}

export class EventJournal {
  readonly #options: EventJournalOptions;
  readonly #waiting = new Map<string, string>();
  #bytes = 0;
  #pending: string[] = [];
  #writing: Promise<void> | null = null;
  #broken = false;

  constructor(options: EventJournalOptions, left: readonly WaitingEvent[]) {
    this.#options = options;
    for (const { id, body } of left) this.#waiting.set(id, body);
    // The first write makes the file anew, without what is done with.
    this.#bytes = options.bytesMax;
    this.#note('');
  }

  add({ id, body }: WaitingEvent): void {
    this.#waiting.set(id, body);
    this.#note(lineOf({ id, body }));
  }

  done(id: string): void {
    if (this.#waiting.delete(id)) this.#note(`${JSON.stringify({ done: id })}\n`);
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  #note(line: string): void {
    this.#pending.push(line);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const text = this.#pending.join('');
      this.#pending = [];
      try {
        if (this.#waiting.size === 0) await this.#empty();
        else if (this.#bytes + text.length > this.#options.bytesMax) await this.#rewrite();
        else await this.#append(text);
        this.#broken = false;
      } catch (error) {
        this.#complain(error);
      }
    }
  }

  async #append(text: string): Promise<void> {
    await appendFile(this.#options.file, text, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(text);
  }

  /** All that waits is in memory, those of lines still pending too. */
  async #rewrite(): Promise<void> {
    const text = Array.from(this.#waiting, ([id, body]) => lineOf({ id, body })).join('');
    const draft = `${this.#options.file}.new`;
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, this.#options.file);
    this.#bytes = Buffer.byteLength(text);
  }

  async #empty(): Promise<void> {
    await rm(this.#options.file, { force: true });
    this.#bytes = 0;
  }

  /** Once, until it works again: events are still delivered from memory. */
  #complain(error: unknown): void {
    // What was not written is in memory; the next write makes the file whole.
    this.#bytes = this.#options.bytesMax;
    if (this.#broken) return;
    this.#broken = true;
    this.#options.log.warn(
      { reason: messageOf(error), hint: 'Is the disk full? A restart now would forget the events that wait.' },
      'the events that wait for a receiver could not be written down',
    );
  }
}

/** Opens the journal and says what waits since a former life. A damaged line is passed over; one that was cut short is the last. */
export async function openEventJournal(
  options: EventJournalOptions,
): Promise<{ journal: EventJournal; left: readonly WaitingEvent[] }> {
  const left = await readLeft(options);
  return { journal: new EventJournal(options, left), left };
}

async function readLeft({ file, bytesMax, log }: EventJournalOptions): Promise<WaitingEvent[]> {
  try {
    const facts = await stat(file).catch(() => null);
    if (facts === null) return [];
    // The file is ours and bounded; one that is larger was not written by us.
    if (facts.size > 2 * bytesMax) throw new Error(`it has ${facts.size} bytes`);
    return readLines(await readFile(file, 'utf8'));
  } catch (error) {
    log.warn(
      { reason: messageOf(error), file },
      'the events that waited for a receiver could not be read; they are lost',
    );
    return [];
  }
}

export function readLines(text: string): WaitingEvent[] {
  const waiting = new Map<string, string>();
  for (const line of text.split('\n')) {
    const entry = readLine(line);
    if (entry === null) continue;
    if (entry.body === null) waiting.delete(entry.id);
    else waiting.set(entry.id, entry.body);
  }
  return Array.from(waiting, ([id, body]) => ({ id, body }));
}

/** `body` null: done with. */
function readLine(line: string): { id: string; body: string | null } | null {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null) return null;
    if ('done' in entry && typeof entry.done === 'string') return { id: entry.done, body: null };
    if (!('id' in entry) || !('body' in entry)) return null;
    return typeof entry.id === 'string' && typeof entry.body === 'string' ? { id: entry.id, body: entry.body } : null;
  } catch {
    return null;
  }
}

const lineOf = ({ id, body }: WaitingEvent): string => `${JSON.stringify({ id, body })}\n`;
