import type { TimedEventShelf } from './timed-event-shelf.js';
import { TimedEvents } from './timed-events.js';

/** Where each broadcast's segments are kept: what was told is kept beside them, and goes with them. */
interface BroadcastFolders {
  readonly shelves: readonly { readonly broadcastId: string; readonly startedAt: number }[];
  /** In place of what was there. False: there is no such broadcast yet, or its disk is in trouble. */
  keepBeside(broadcastId: string, name: string, text: string): Promise<boolean>;
  /** Null where there is none, or more than that. */
  beside(broadcastId: string, name: string, bytesMax: number): Promise<string | null>;
}

const NAME = 'told.json';
/** Of one broadcast; what is written is less than half of it. */
const BYTES_MAX = 2 * 1024 * 1024;
/** What a kill may lose. */
const WRITE_MS = 1000;

/**
 * Writes down what sources tell beside their media, so that playlists and archives have it after a restart too.
 *
 * Life: `restore` once at the start → `changed` whenever something was told → `close`. What could not be written is tried again
 * with the next tick, for as long as the shelf knows of it.
 */
export class TimedEventFiles {
  readonly #shelf: TimedEventShelf;
  readonly #folders: BroadcastFolders;
  readonly #unwritten = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> | null = null;

  constructor(shelf: TimedEventShelf, folders: BroadcastFolders) {
    this.#shelf = shelf;
    this.#folders = folders;
    this.#timer = setInterval(() => void this.#write(), WRITE_MS).unref();
  }

  /** The newest broadcasts last: of more than the shelf takes, the oldest are left out. */
  async restore(): Promise<void> {
    const broadcasts = [...this.#folders.shelves].sort((a, b) => a.startedAt - b.startedAt);
    for (const { broadcastId } of broadcasts) {
      const text = await this.#folders.beside(broadcastId, NAME, BYTES_MAX).catch(() => null);
      const events = text === null ? null : TimedEvents.restored(broadcastId, text);
      if (events !== null) this.#shelf.restore(events);
    }
  }

  changed(broadcastId: string): void {
    this.#unwritten.add(broadcastId);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  /** One write at a time: a disk that hangs holds up nothing else. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (const broadcastId of [...this.#unwritten]) {
      const events = this.#shelf.of(broadcastId);
      this.#unwritten.delete(broadcastId);
      const written = events === null || (await this.#folders.keepBeside(broadcastId, NAME, events.serialise()));
      if (!written) this.#unwritten.add(broadcastId);
    }
  }
}
