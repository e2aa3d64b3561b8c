/**
 * Follows the purges of the edge above, by asking for them: so it works from behind any NAT.
 *
 * Lives from `start` to `close`. What it has carried out it remembers in a file, so that a restart misses nothing; where it can't know
 * what it missed (its first contact, another journal up there), all that it holds is made stale, and is confirmed as it is asked for.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Upstream } from '../upstream/upstream.js';
import type { Purge } from './purge.js';
import { purgePath } from './purge-door.js';
import type { Place } from './purge-journal.js';
import { everythingStale, type Purges } from './purges.js';

export interface FollowerOptions {
  readonly upstream: Pick<Upstream, 'fetch'>;
  readonly purges: Purges;
  /** Where its place is remembered; null: nowhere. */
  readonly path: string | null;
  readonly log: Log;
  /** Between attempts that fail, ms: first, and at most. Default 1 s, 60 s. */
  readonly retryMs?: readonly [number, number];
}

interface Told extends Place {
  readonly purges?: readonly Purge[];
  readonly lost?: boolean;
}

/** Between an answer and the next question. */
const pauseMs = 100;
const answerBytesMax = 32 * 1024 * 1024;

export class PurgeFollower {
  readonly #options: FollowerOptions;
  readonly #ended = new AbortController();
  #place: Place | null;
  #running: Promise<void> | null = null;
  #failing = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#place = options.path === null ? null : readPlace(options.path);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const [firstMs, mostMs] = this.#options.retryMs ?? [1000, 60_000];
    const { signal } = this.#ended;
    let waitMs = firstMs;
    while (!signal.aborted) {
      const reason = await this.#ask().catch((error) => messageOf(error));
      if (signal.aborted) return;
      this.#report(reason);
      // After an answer too: an upstream that is closing, or has too many followers, holds nobody.
      await sleep(reason === null ? pauseMs : waitMs, undefined, { signal }).catch(() => undefined);
      waitMs = reason === null ? firstMs : Math.min(waitMs * 2, mostMs);
    }
  }

  /** Null: what was told is done. */
  async #ask(): Promise<string | null> {
    const { upstream } = this.#options;
    const query = this.#place === null ? '' : `?epoch=${this.#place.epoch}&after=${this.#place.last}`;
    const { signal } = this.#ended;
    const outcome = await upstream.fetch({ method: 'GET', target: purgePath + query, headers: [], signal });
    if (outcome.kind === 'gone') return null;
    if (outcome.kind === 'failed') return outcome.failure.message;
    const { status, body } = outcome.answer;
    const text = await readWhole(body);
    if (status !== 200) return `it answered ${status}`;
    const told = readTold(text);
    if (told === null) return 'its answer cannot be read';
    this.#carryOut(told);
    return null;
  }

  #carryOut({ epoch, last, purges, lost }: Told): void {
    const todo = lost === true || purges === undefined ? [everythingStale] : purges;
    for (const purge of todo) this.#options.purges.carryOut(purge);
    const place = { epoch, last };
    if (this.#options.path !== null && (todo.length > 0 || this.#place === null)) writePlace(this.#options.path, place);
    this.#place = place;
  }

  #report(reason: string | null): void {
    const { log } = this.#options;
    if (reason !== null && !this.#failing) {
      const hint =
        'What is purged above is not purged here meanwhile. Is the upstream a Headwater edge? Else set edge.followPurges to false.';
      log.warn({ reason, hint }, 'the purges of the upstream cannot be followed');
    }
    if (reason === null && this.#failing) log.info('the purges of the upstream are followed again');
    this.#failing = reason !== null;
  }
}

async function readWhole(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function readTold(text: string): Told | null {
  const told = parsed(text) as Partial<Told> | null;
  if (typeof told?.epoch !== 'string' || !/^[\w-]{1,64}$/.test(told.epoch) || !Number.isSafeInteger(told.last))
    return null;
  if (told.purges !== undefined && !(Array.isArray(told.purges) && told.purges.every(isPurge))) return null;
  return told as Told;
}

function isPurge(given: unknown): given is Purge {
  const { kind, value, soft } = (given ?? {}) as Partial<Purge>;
  return ['url', 'prefix', 'tag'].includes(String(kind)) && typeof value === 'string' && typeof soft === 'boolean';
}

function readPlace(path: string): Place | null {
  try {
    return readTold(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function writePlace(path: string, place: Place): void {
  writeFileSync(`${path}.next`, JSON.stringify(place), { mode: 0o600 });
  renameSync(`${path}.next`, path);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
