/**
 * A GET of a body that is kept in blocks:
 *
 *   which bytes → first block ┬ here → head → its bytes → next block, asked for while this one is sent → … → end
 *                             └ not to be had → `unavailable`: the client's own request goes upstream
 *
 * The head waits for the first block, whose fields it takes. What cannot be shared further on (memory is full, the upstream fails) is
 * asked for alone, and checked as a block is; where that fails too, the client is cut.
 */

import { deliverInBlocks } from './deliver.js';
import type { Asked, Tools } from './exchange.js';
import { type FetchAsked, fetchFor } from './fetch-asked.js';
import {
  type Block,
  blockAnswer,
  blockAt,
  blockFields,
  blockName,
  type LargeBodies,
  type LargeBody,
} from './large-bodies.js';
import { type CachedObject, holdForTurn } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import type { Disks } from './read-from-disk.js';
import { resolveRanges } from './semantics/byte-range.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { freshForMs, isOriginFailure } from './semantics/freshness.js';
import { servesOnError, useOf } from './semantics/request-wishes.js';
import { type Sent, type Span, sendSpan } from './send-span.js';
import type { SharedFetches } from './shared-fetch.js';
import { pumpBody } from './stream-answer.js';
import type { Upstream } from './upstream/upstream.js';

export interface LargeSpace extends Tools {
  readonly tier: MemoryTier;
  readonly disk: Disks | null;
  readonly large: LargeBodies;
  readonly fetches: SharedFetches;
  readonly alone: Pick<Upstream, 'fetch'>;
  readonly staleIfErrorMs: number;
}

interface Found {
  readonly object: CachedObject;
  readonly status: CacheStatus;
}

/** `unavailable`: its first block cannot be had, and nothing was sent. */
export async function serveLarge(space: LargeSpace, asked: Asked, body: LargeBody): Promise<'served' | 'unavailable'> {
  const [range] = asked.ranges === null ? [] : resolveRanges(asked.ranges, body.length);
  const reading = new LargeReading(space, asked, body);
  const first = await reading.begin(range?.first ?? 0);
  if (asked.request.gone) return 'served';
  if (first === null) return 'unavailable';
  const delivery = { asked, object: first.object, status: first.status, tools: space };
  await deliverInBlocks(delivery, { length: body.length, send: (span) => reading.send(span) });
  return 'served';
}

/** One client's way through a large body. Holds one block at a time. */
class LargeReading {
  readonly #space: LargeSpace;
  readonly #asked: Asked;
  readonly #body: LargeBody;
  /** Found, and not sent yet: to be read in the same turn. */
  #ready: { readonly first: number; readonly object: CachedObject } | null = null;

  constructor(space: LargeSpace, asked: Asked, body: LargeBody) {
    this.#space = space;
    this.#asked = asked;
    this.#body = body;
  }

  async begin(offset: number): Promise<Found | null> {
    const block = blockAt(this.#body, offset);
    const found = await this.#find(block);
    this.#ready = found && { first: block.first, object: found.object };
    return found;
  }

  async send({ from, end }: Span): Promise<Sent> {
    const until = end ?? this.#body.length;
    for (let at = from; at < until; ) {
      const block = blockAt(this.#body, at);
      const object = this.#takeReady(block) ?? (await this.#find(block))?.object;
      if (object === undefined) return this.#sendAlone({ body: this.#body, first: at, last: until - 1 });
      const stop = Math.min(until, block.last + 1);
      if (stop < until) this.#askFor(blockAt(this.#body, stop));
      const span = { from: at - block.first, end: stop - block.first };
      const sent = await sendSpan(this.#asked, object, span, this.#space);
      if (sent !== 'sent') return sent;
      at = stop;
    }
    return 'sent';
  }

  #takeReady({ first }: Block): CachedObject | undefined {
    const ready = this.#ready;
    this.#ready = null;
    return ready?.first === first ? ready.object : undefined;
  }

  async #find(block: Block): Promise<Found | null> {
    const { fetches, now } = this.#space;
    const kept = await this.#kept(blockName(this.#asked.name, block));
    const use = kept === undefined ? 'confirm' : useOf(kept.head.freshness, this.#asked.wishes, now());
    if (kept !== undefined && use !== 'confirm') {
      if (use === 'meanwhile') this.#start(block, kept);
      return this.#keptAs(kept, { hit: true, detail: use === 'fresh' ? 'block' : use });
    }
    const fetch = this.#fetchFor(block);
    const underWay = fetches.underWay(fetch);
    const landing = await (underWay ?? fetches.start(fetch, kept ?? null)).landed;
    const status = { fwd: kept === undefined ? 'uri-miss' : 'stale', collapsed: underWay !== undefined } as const;
    if (landing.kind === 'refreshed') return this.#keptAs(landing.object, { ...status, fwdStatus: 304 });
    if (landing.kind === 'object') {
      const stored = landing.kept && underWay === undefined;
      return { object: landing.object, status: { ...status, stored, detail: 'block' } };
    }
    const failed = landing.kind === 'failed' || (landing.kind === 'unshared' && isOriginFailure(landing.status));
    return failed && kept !== undefined ? this.#despiteFailure(kept, status) : null;
  }

  async #kept(name: string): Promise<CachedObject | undefined> {
    const { tier, disk } = this.#space;
    const object = tier.get(name);
    if (object !== undefined) holdForTurn(object);
    if (object !== undefined || !disk?.has(name)) return object;
    const found = await disk.read(name, tier);
    if (found?.kind !== 'object') return undefined;
    // What is to be confirmed must be whole.
    if (useOf(found.object.head.freshness, this.#asked.wishes, this.#space.now()) === 'confirm') await found.whole;
    return found.object.phase === 'failed' ? undefined : found.object;
  }

  #despiteFailure(kept: CachedObject, status: CacheStatus): Found | null {
    const { staleIfErrorMs, now } = this.#space;
    if (!servesOnError(kept.head.freshness, this.#asked.wishes, staleIfErrorMs, now())) return null;
    return this.#keptAs(kept, { ...status, detail: 'stale-if-error' });
  }

  #keptAs(object: CachedObject, status: CacheStatus): Found {
    const ttl = Math.ceil(freshForMs(object.head.freshness, this.#space.now()) / 1000);
    return { object, status: { detail: 'block', ...status, ttl } };
  }

  /** So that it is here, or on its way, when its turn comes. It is not held: memory may need its room before that. */
  #askFor(block: Block): void {
    const { tier, disk } = this.#space;
    const name = blockName(this.#asked.name, block);
    if (tier.get(name) !== undefined) return;
    if (disk?.has(name)) void disk.read(name, tier);
    else this.#start(block, null);
  }

  #start(block: Block, kept: CachedObject | null): void {
    const fetch = this.#fetchFor(block);
    if (this.#space.fetches.underWay(fetch) === undefined) this.#space.fetches.start(fetch, kept);
  }

  #fetchFor(block: Block): FetchAsked {
    const fetch = fetchFor(this.#asked);
    const headers = () => [...fetch.headers(), ...blockFields(block)];
    return { ...fetch, name: blockName(this.#asked.name, block), block, headers };
  }

  async #sendAlone(rest: Block): Promise<Sent> {
    const { request, key, headers } = this.#asked;
    const wanted = [...headers(), ...blockFields(rest)];
    const asked = { method: 'GET', target: key, headers: wanted, signal: request.signal };
    const outcome = await this.#space.alone.fetch(asked);
    if (outcome.kind !== 'answer') return outcome.kind;
    const answer = blockAnswer(outcome.answer, rest);
    const { body } = outcome.answer;
    try {
      if (answer?.status === 200) return await pumpBody(this.#asked, answer, this.#space);
      if (!isOriginFailure(outcome.answer.status)) this.#space.large.forget(this.#asked.name);
      return 'failed';
    } catch {
      return 'failed';
    } finally {
      if (!body.readableEnded) body.destroy();
    }
  }
}
