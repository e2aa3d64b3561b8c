/**
 * Asks an edge for a list of addresses, so that it has them when viewers come: each once, some at a time, at a bounded rate. Of playlists,
 * all that they name at the same edge too.
 *
 * The rate is kept between answers: one answer comes as fast as the edge sends it. Bounded: addresses by `addressesMax`, playlists by
 * `playlistBytesMax`, attempts by `attemptsMax`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../telemetry/failure.js';

export interface PrefillOptions {
  /** Of the edge, without a slash at the end. */
  readonly base: string;
  readonly bytesPerSec: number;
  /** Answers at the same time. */
  readonly parallel: number;
  readonly onProgress: (progress: PrefillProgress) => void;
}

export interface PrefillProgress {
  /** Known so far, playlists' own included. */
  readonly addresses: number;
  readonly done: number;
  /** Of those done: what the edge had already. */
  readonly hits: number;
  readonly bytes: number;
  /** The first hundred of what could not be had, each with the reason. */
  readonly failed: readonly string[];
  readonly failures: number;
}

const addressesMax = 1_000_000;
const playlistBytesMax = 8 * 1024 * 1024;
const attemptsMax = 4;
const namedMax = 100;
const answerMs = 120_000;

type Fetched = { readonly hit: boolean; readonly bytes: number; readonly names: readonly string[] };

/** @param list paths, or addresses of any host: the edge is asked for their path. Never rejects. */
export async function prefill(list: Iterable<string>, options: PrefillOptions): Promise<PrefillProgress> {
  const filling = new Prefill(options);
  for (const address of list) filling.add(address);
  await Promise.all(Array.from({ length: options.parallel }, () => filling.work()));
  return filling.progress;
}

class Prefill {
  readonly #options: PrefillOptions;
  readonly #seen = new Set<string>();
  readonly #queue: string[] = [];
  readonly #failed: string[] = [];
  readonly #begunAt = performance.now();
  #next = 0;
  #underWay = 0;
  #done = 0;
  #hits = 0;
  #bytes = 0;
  #failures = 0;
  #waiting: (() => void)[] = [];

  constructor(options: PrefillOptions) {
    this.#options = options;
  }

  get progress(): PrefillProgress {
    const counts = { done: this.#done, hits: this.#hits, bytes: this.#bytes, failures: this.#failures };
    return { addresses: this.#seen.size, ...counts, failed: this.#failed };
  }

  add(address: string): void {
    const url = urlOf(address, this.#options.base);
    if (url === null) this.#fail(address, 'it is no address');
    else this.#enqueue(url.pathname + url.search);
  }

  #enqueue(path: string): void {
    if (this.#seen.has(path) || this.#seen.size >= addressesMax) return;
    this.#seen.add(path);
    this.#queue.push(path);
  }

  /** Until nothing is left, and nobody is at work who may bring more. */
  async work(): Promise<void> {
    for (let path = await this.#take(); path !== undefined; path = await this.#take()) {
      await this.#fetch(path).then(
        (fetched) => this.#succeed(path ?? '', fetched),
        (error) => this.#fail(path ?? '', messageOf(error)),
      );
      this.#underWay -= 1;
      for (const wake of this.#waiting.splice(0)) wake();
      this.#options.onProgress(this.progress);
      await this.#rest();
    }
  }

  async #take(): Promise<string | undefined> {
    while (this.#next >= this.#queue.length && this.#underWay > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const path = this.#queue[this.#next];
    if (path === undefined) return undefined;
    this.#next += 1;
    this.#underWay += 1;
    return path;
  }

  /** Until what has come is no more than the rate allows. */
  async #rest(): Promise<void> {
    const dueMs = (1000 * this.#bytes) / this.#options.bytesPerSec;
    const earlyMs = dueMs - (performance.now() - this.#begunAt);
    if (earlyMs > 1) await sleep(earlyMs);
  }

  async #fetch(path: string): Promise<Fetched> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await fetch(this.#options.base + path, { signal: AbortSignal.timeout(answerMs) });
      const busy = answer.status === 429 || answer.status === 503;
      if (answer.ok) return this.#read(path, answer);
      await answer.body?.cancel();
      if (!busy || attempt === attemptsMax) throw new Error(`${answer.status} ${answer.statusText}`.trim());
      const after = Number(answer.headers.get('retry-after') ?? 1);
      await sleep(1000 * Math.min(30, Number.isFinite(after) && after > 0 ? after : 1));
    }
  }

  async #read(path: string, answer: Response): Promise<Fetched> {
    const hit = /(?:^|, )Headwater; hit/.test(answer.headers.get('cache-status') ?? '');
    const isPlaylist = path.split('?')[0]?.endsWith('.m3u8') === true;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.byteLength;
      if (isPlaylist && bytes <= playlistBytesMax) chunks.push(chunk);
    }
    if (isPlaylist && bytes > playlistBytesMax) throw new Error(`a playlist of more than ${playlistBytesMax} bytes`);
    return { hit, bytes, names: isPlaylist ? namesIn(Buffer.concat(chunks).toString()) : [] };
  }

  #succeed(path: string, { hit, bytes, names }: Fetched): void {
    this.#done += 1;
    this.#hits += hit ? 1 : 0;
    this.#bytes += bytes;
    const { base } = this.#options;
    for (const name of names) {
      const url = urlOf(name, base + path);
      if (url?.origin === new URL(base).origin) this.add(url.href);
    }
  }

  #fail(address: string, reason: string): void {
    this.#done += 1;
    this.#failures += 1;
    if (this.#failed.length < namedMax) this.#failed.push(`${address}: ${reason}`);
  }
}

const urlOf = (address: string, base: string): URL | null =>
  URL.canParse(address, base) ? new URL(address, base) : null;

/** What an HLS playlist names: its lines without `#`, and URI attributes (RFC 8216 §4.3). */
function namesIn(playlist: string): string[] {
  return playlist.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith('#')) return [...line.matchAll(/[:,]URI="([^"]+)"/g)].map(([, uri = '']) => uri);
    return line.trim() === '' ? [] : [line.trim()];
  });
}
