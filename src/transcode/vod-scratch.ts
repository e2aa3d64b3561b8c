/**
 * The folder in which VOD work is in progress: one sub-folder for each piece of work, gone when the work ends.
 *
 * Lifetime: `open` sweeps away what a killed run left behind → `use` makes a folder, runs, and removes it whatever
 * happened. One worker owns a scratch folder; nothing in it outlives the process by design.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { transcodeFailure } from './transcode-failure.js';

const PREFIX = 'vod-';
/** The packager takes paths in a `key=value,…` list and has no way to quote these. */
const UNUSABLE = /[,=$]/;

export class VodScratch {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Failure `transcode.scratch-folder` where the path cannot serve. */
  static async open(folder: string): Promise<VodScratch> {
    if (UNUSABLE.test(folder)) {
      const hint = 'choose a data folder whose path has no comma, equals sign or dollar sign';
      throw transcodeFailure('transcode.scratch-folder', `the scratch folder ${folder} cannot be used`, hint);
    }
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      if (name.startsWith(PREFIX)) await rm(join(folder, name), { recursive: true, force: true });
    }
    return new VodScratch(folder);
  }

  async use<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(this.#folder, PREFIX));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 2 });
    }
  }
}
