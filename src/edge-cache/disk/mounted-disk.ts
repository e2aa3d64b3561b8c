/**
 * One folder of the cache through its failures: open, or out and tried again when somebody asks after a rest, which doubles each time.
 *
 * States: open (`disk` is there) → out (`Disk` found that it cannot be read, or could not be opened) → open; ended by `close`. What is
 * removed while it is out is remembered, and removed when it is back.
 */
import { Failure, messageOf } from '../../telemetry/failure.js';
import { Disk } from './disk.js';
import { diskFailure } from './disk-failure.js';
import type { DiskOptions } from './disk-options.js';
import { errnoOf } from './files.js';
import { hashKey, hashOf, type NameHash } from './name-hash.js';

const owedMax = 50_000;

export class MountedDisk {
  readonly folder: string;
  readonly bytesMax: number;
  /** What it is in the choice of a disk for a name. */
  readonly seed: number;
  readonly #options: DiskOptions;
  #disk: Disk | null = null;
  /** As it was before it went out: it says what may be there when it is back. */
  #last: Disk | null = null;
  #opening: Promise<void> | null = null;
  #restMs: number;
  #retryAt = 0;
  #wasOut = false;
  #closed = false;
  /** The file system that it was on; another one under its name is not the disk that is meant. */
  #device: number | null = null;
  readonly #owed = new Map<string, NameHash>();
  #owedTooMany = false;

  /** Rejects where another process uses the folder; any other trouble makes it out for now. */
  static async open(options: DiskOptions): Promise<MountedDisk> {
    const mounted = new MountedDisk(options);
    await mounted.#open('start');
    return mounted;
  }

  private constructor(options: DiskOptions) {
    this.#options = options;
    this.folder = options.folder;
    this.bytesMax = options.bytesMax;
    this.seed = hashOf(options.folder).low;
    this.#restMs = options.limits.restMs;
  }

  /** Null while it is out. */
  get disk(): Disk | null {
    if (this.#disk === null) this.#tryAgain();
    return this.#disk;
  }

  /** From what it has, or will have again. */
  remove(hash: NameHash): void {
    if (this.#disk !== null) this.#disk.remove(hash);
    else this.#owe(hash);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await this.#disk?.close();
    this.#disk = null;
  }

  #owe(hash: NameHash): void {
    if (this.#last !== null && !this.#last.has(hash)) return;
    if (this.#owed.size < owedMax) this.#owed.set(hashKey(hash), hash);
    else this.#owedTooMany = true;
  }

  #tryAgain(): void {
    if (this.#closed || this.#opening !== null || performance.now() < this.#retryAt) return;
    this.#opening = this.#open('again')
      .catch(() => undefined)
      .finally(() => {
        this.#opening = null;
      });
  }

  async #open(when: 'start' | 'again'): Promise<void> {
    const { folder, log, metrics } = this.#options;
    try {
      if (when === 'again') await this.#checkDevice();
      const disk = await Disk.open({ ...this.#options, onBroken: (error) => this.#broke(disk, error) });
      this.#device ??= await this.#options.files.device(folder).catch(() => null);
      this.#payOwed(disk);
      this.#disk = disk;
      this.#last = disk;
      this.#restMs = this.#options.limits.restMs;
      metrics.up(folder, { reads: true, writes: true });
      if (this.#wasOut) log.info({ disk: folder, objects: disk.objects }, 'the cache disk works again');
      this.#wasOut = false;
    } catch (error) {
      if (when === 'start' && error instanceof Failure) throw error;
      this.#out(error);
    }
  }

  #payOwed(disk: Disk): void {
    if (this.#owedTooMany) disk.removeAll();
    for (const hash of this.#owed.values()) disk.remove(hash);
    this.#owed.clear();
    this.#owedTooMany = false;
  }

  /** Where a disk was unmounted its folder may still be there, on the system's own: that must not be filled. */
  async #checkDevice(): Promise<void> {
    if (this.#device === null) return;
    const { folder, files } = this.#options;
    await files.makeFolder(folder);
    if ((await files.device(folder)) !== this.#device)
      throw new Error('another file system is there now: is it mounted?');
  }

  #broke(disk: Disk, error: unknown): void {
    if (this.#disk !== disk) return;
    this.#disk = null;
    for (const hash of disk.owed()) this.#owed.set(hashKey(hash), hash);
    disk.abandon();
    this.#out(error);
  }

  /** Logged once per outage: the metrics say the rest. */
  #out(error: unknown): void {
    const { folder, log, metrics, limits } = this.#options;
    metrics.up(folder, { reads: false, writes: false });
    metrics.holds(folder, { bytes: 0, objects: 0 });
    this.#retryAt = performance.now() + this.#restMs;
    this.#restMs = Math.min(this.#restMs * 2, limits.restMsMax);
    if (this.#wasOut) return;
    this.#wasOut = true;
    const failure = error instanceof Failure ? error : diskFailure(folder, messageOf(error), errnoOf(error));
    log.error(
      { disk: folder, code: failure.code, hint: failure.hint },
      `${failure.message}; the cache goes on without it`,
    );
  }
}
