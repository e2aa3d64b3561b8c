import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What the box remembers about one upload beside its bytes: one JSON file each, replaced by rename so that a crash
 * leaves the old one or the new one.
 *
 * Lifetime: `staged` (the file exists, the catalog may not know the video yet) → `open` (the catalog acknowledged it, the
 * uploader has the address) → `finished` (the raw object and `video.uploaded` stand; kept so that a client which lost
 * the last answer still learns that it is done) → removed when it expires.
 */
export interface UploadRecord {
  readonly videoId: string;
  readonly ownerId: string;
  readonly sizeBytes: number;
  readonly title: string;
  readonly description: string;
  /** As the uploader sent it, given back on HEAD. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** When it was created, once finished when it finished; epoch ms. */
  readonly since: number;
  readonly state: 'staged' | 'open' | 'finished';
}

const SUFFIX = '.json';

/** The records of one staging folder: all in memory (their number is bounded by the uploads allowed), each on disk. */
export class UploadRecords {
  readonly #directory: string;
  readonly #records = new Map<string, UploadRecord>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads what a former life left; what no record owns (nobody could resume it) is removed. */
  async load(): Promise<void> {
    const names = await readdir(this.#directory);
    for (const name of names.filter((name) => name.endsWith(SUFFIX))) {
      const record = readRecord(await readFile(join(this.#directory, name), 'utf8').catch(() => ''));
      if (record !== null && name === record.videoId + SUFFIX) this.#records.set(record.videoId, record);
    }
    for (const name of names) {
      const videoId = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name;
      if (!this.#records.has(videoId)) await rm(join(this.#directory, name), { force: true, recursive: true });
    }
  }

  find(videoId: string): UploadRecord | undefined {
    return this.#records.get(videoId);
  }

  all(): UploadRecord[] {
    return [...this.#records.values()];
  }

  async keep(record: UploadRecord): Promise<void> {
    const path = join(this.#directory, `${record.videoId}${SUFFIX}`);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    this.#records.set(record.videoId, record);
  }

  async drop(videoId: string): Promise<void> {
    this.#records.delete(videoId);
    await rm(join(this.#directory, `${videoId}${SUFFIX}`), { force: true });
  }
}

function readRecord(text: string): UploadRecord | null {
  try {
    const record = JSON.parse(text) as Partial<UploadRecord>;
    const whole =
      typeof record.videoId === 'string' &&
      typeof record.ownerId === 'string' &&
      typeof record.since === 'number' &&
      typeof record.sizeBytes === 'number';
    return whole ? (record as UploadRecord) : null;
  } catch {
    return null;
  }
}
