/**
 * One upstream fetch per name at a time, shared by all that ask meanwhile.
 *
 * Lives as long as the edge. Bounded: flights by the upstream's slots and queue, their bytes by the memory tier, their
 * time by the upstream's deadlines and `fillMs`.
 */

import type { EdgeMetrics } from './edge-metrics.js';
import type { Asked, Exchange } from './exchange.js';
import { Fill, type FillLimits } from './fill.js';
import { Crew, claimOnce, type Flight, type Landing } from './flight.js';
import type { HitForMiss } from './hit-for-miss.js';
import { passInterim } from './interim.js';
import { type Block, blockAnswer, type LargeBodies } from './large-bodies.js';
import { CachedObject, holdForTurn } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import {
  type Freshness,
  freshForMs,
  isOriginFailure,
  type KeepRefusal,
  keeping,
  spentFreshness,
} from './semantics/freshness.js';
import { firstField, type HeaderPair, type HeaderPairs } from './semantics/header-fields.js';
import type { PartPlace } from './semantics/part-place.js';
import { confirmedAnswer, refreshedHead, storedHead, withheldFields } from './semantics/stored-head.js';
import { varyNames } from './semantics/vary.js';
import { ResumedBody, type Resuming } from './upstream/resumed-body.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';
import type { VariantAsked, VariantIndex } from './variant-index.js';

export interface SharedFetchOptions extends FillLimits {
  readonly upstream: Pick<Upstream, 'fetch'>;
  /** For what the origin may hold back: such requests must not keep the others waiting. */
  readonly held: Pick<Upstream, 'fetch'>;
  /** For fills that break off. */
  readonly resuming: Pick<Resuming, 'retries' | 'metrics'>;
  readonly tier: MemoryTier;
  readonly variants: VariantIndex;
  readonly hitForMiss: HitForMiss;
  readonly large: LargeBodies;
  readonly metrics: EdgeMetrics;
  readonly now: () => number;
  /** Larger bodies are streamed to each client on its own, and not kept. */
  readonly objectBytesMax: number;
}

export interface FetchAsked extends VariantAsked {
  /** The address: what is invalidated together. */
  readonly key: string;
  /** The origin may hold its answer back: then the fetch ends when nobody waits for it any more. */
  readonly held: boolean;
  /** The address and its variant. */
  readonly name: string;
  readonly target: string;
  /** The credentials it is asked with; `''` without. */
  readonly authorization: string;
  /** Who caused it: interim answers are passed on there. */
  readonly exchange?: Exchange;
  /** Not the whole body, but this block of it; `headers` say so. */
  readonly block?: Block;
  /** As they go upstream: without conditions, ranges and hop-by-hop fields. Looked at only where a fetch is started. */
  readonly headers: () => HeaderPairs;
}

/** Under which a part of a body is kept. No name of anything else contains two spaces, but those of blocks, which go on with a number. */
export const partName = (name: string): string => `${name}  part`;

/** What a request asks of everybody's fetch. */
export function fetchFor(asked: Asked): FetchAsked {
  const { request, key, coding, name, held, headers } = asked;
  const authorization = request.header('authorization') ?? '';
  return { key, coding, name, held, authorization, headers, target: key, exchange: asked };
}

export class SharedFetches {
  readonly #options: SharedFetchOptions;
  readonly #flights = new Map<string, Flight>();
  #changes = 0;

  constructor(options: SharedFetchOptions) {
    this.#options = options;
  }

  /** The fetch under way whose answer this request may share, if there is one. */
  underWay(asked: Pick<FetchAsked, 'name' | 'authorization'>): Flight | undefined {
    const flight = this.#flights.get(flightName(asked)) ?? this.#publicFlight(asked.name);
    // A fill that takes longer than its lifetime is fresh for nobody who comes now (RFC 9111 §4).
    const stale = flight?.object && freshForMs(flight.object.head.freshness, this.#options.now()) <= 0;
    return stale ? undefined : flight;
  }

  /** Starts a fetch that others may join. `stale`: what is kept, to be confirmed if it has a validator. */
  start(asked: FetchAsked, stale: CachedObject | null): Flight {
    const cancel = asked.held ? new AbortController() : null;
    const desert = () => {
      cancel?.abort();
      this.#over(flight);
    };
    const flight: Flight = {
      name: flightName(asked),
      landed: Promise.resolve().then(() => this.#ask(flight, asked, stale, cancel?.signal)),
      object: null,
      crew: asked.held ? new Crew(desert) : null,
      keep: true,
    };
    this.#flights.set(flight.name, flight);
    return flight;
  }

  /** How often something was invalidated: what was asked for before the last time may be out of date. */
  get changes(): number {
    return this.#changes;
  }

  /** An answer that came for one client, and will do for all: as if it had been fetched for that. Null: it cannot be; it is untouched. */
  adopt(asked: FetchAsked, answer: UpstreamAnswer): Landing | null {
    const name = flightName(asked);
    if (this.#flights.has(name)) return null;
    const flight: Flight = {
      name,
      landed: Promise.resolve().then(() => landing),
      object: null,
      crew: null,
      keep: true,
    };
    this.#flights.set(name, flight);
    const landing = this.#landFor(flight, this.#land(flight, asked, answer, null));
    return landing;
  }

  /** The same of a part of the body, which is kept apart from the whole. */
  adoptPart(asked: FetchAsked, answer: UpstreamAnswer, { first, last, total }: PartPlace): Landing | null {
    const contentLength = last - first + 1;
    const part = { ...answer, status: 200, contentLength };
    if (!keeping(part, isAuthorized(asked)).keep) return null;
    const name = partName(this.#options.variants.learn(asked, varyNames(answer.headers), asked.headers()));
    const body = { length: total, etag: '', blockBytes: contentLength };
    return this.adopt({ ...asked, name, block: { body, first, last } }, part);
  }

  /** A HEAD was answered so: what is kept is confirmed by that, or shown to be out of date (RFC 9111 §4.3.5). */
  freshen(asked: FetchAsked, answer: UpstreamAnswer): void {
    const { tier } = this.#options;
    const kept = tier.get(asked.name);
    if (kept === undefined || answer.status !== 200 || kept.head.status !== 200) return;
    const verdict = keeping(confirmedAnswer(kept.head, answer), isAuthorized(asked));
    if (!verdict.keep || !isSameBody(kept, answer)) tier.remove(asked.name);
    else this.#refresh(kept, answer, verdict.freshness);
  }

  /** What is under way for this address must not be kept (RFC 9111 §4.4). */
  invalidate(key: string): void {
    this.invalidateWhere((name) => name === key || name.startsWith(`${key} `));
  }

  invalidateWhere(isMeant: (name: string) => boolean): void {
    this.#changes += 1;
    for (const [name, flight] of this.#flights) {
      if (!isMeant(name)) continue;
      flight.keep = false;
      this.#flights.delete(name);
    }
  }

  async #ask(
    flight: Flight,
    asked: FetchAsked,
    stale: CachedObject | null,
    signal: AbortSignal | undefined,
  ): Promise<Landing> {
    try {
      const headers = stale === null ? asked.headers() : [...asked.headers(), ...conditionsFor(stale)];
      const onInterim = asked.exchange && passInterim(asked.exchange);
      const outcome = await this.#upstreamFor(asked).fetch({
        method: 'GET',
        target: asked.target,
        headers,
        signal,
        onInterim,
      });
      flight.crew?.landed();
      if (outcome.kind === 'gone') return { kind: 'deserted' };
      if (outcome.kind === 'failed') return this.#landedWithout(flight, outcome);
      const answer = asked.block === undefined ? outcome.answer : blockAnswer(outcome.answer, asked.block);
      if (answer === null) return this.#landedWithout(flight, notTheBlock(outcome.answer));
      const landing = this.#land(flight, asked, asked.held ? agedFromHere(answer) : answer, stale);
      return this.#landFor(flight, landing);
    } catch (error) {
      this.#over(flight);
      throw error;
    }
  }

  #landFor(flight: Flight, landing: Landing): Landing {
    return landing.kind === 'object' && landing.kept ? landing : this.#landedWithout(flight, landing);
  }

  /** Nothing that latecomers could join. */
  #landedWithout(flight: Flight, landing: Landing): Landing {
    this.#over(flight);
    return landing;
  }

  #land(flight: Flight, asked: FetchAsked, answer: UpstreamAnswer, stale: CachedObject | null): Landing {
    if (answer.status === 304 && stale !== null) return this.#confirm(asked, answer, stale);
    const verdict = keeping(answer, isAuthorized(asked));
    if (!verdict.keep) return this.#unkept(asked, answer, verdict.reason, verdict.forbidden);
    // What is kept may have to do for longer.
    if (stale !== null && isOriginFailure(answer.status)) return this.#unkept(asked, answer, 'status', false);
    const { variants } = this.#options;
    const { block } = asked;
    const name = block ? asked.name : variants.learn(asked, varyNames(answer.headers), asked.headers());
    const object = this.#openObject(name, answer, verdict.freshness);
    if (object === null) return this.#unheld(flight, asked, name, answer);
    this.#options.hitForMiss.forget(asked.key);
    this.#rename(flight, name);
    flight.object = object;
    void this.#fill(flight, asked, object, answer);
    return { kind: 'object', object, kept: flight.keep, own: withheldFields(answer) };
  }

  /** The upstream says that what is kept still holds (RFC 9111 §4.3.4). */
  #confirm(asked: FetchAsked, answer: UpstreamAnswer, stale: CachedObject): Landing {
    const verdict = keeping(confirmedAnswer(stale.head, answer), isAuthorized(asked));
    if (!verdict.keep || isOfAnother(stale, answer)) {
      // What is kept may not be used again, or was not what was confirmed: everybody fetches anew.
      this.#options.tier.remove(stale.key);
      return { kind: 'unshared', reason: 'unconfirmed', status: 304, claim: () => null };
    }
    this.#refresh(stale, answer, verdict.freshness);
    holdForTurn(stale);
    return { kind: 'refreshed', object: stale };
  }

  #refresh(kept: CachedObject, answer: UpstreamAnswer, freshness: Freshness): void {
    kept.head = refreshedHead(kept.head, answer, freshness);
    this.#options.tier.confirmed(kept.key);
  }

  /** Errors are shared with those that waited for them; other answers that cannot be kept are remembered as such. */
  #unkept(asked: FetchAsked, answer: UpstreamAnswer, reason: KeepRefusal, forbidden: boolean): Landing {
    const isError = answer.status >= 400;
    // What is kept is no longer what the upstream has, unless the upstream is in trouble.
    if (answer.status < 500) this.#options.tier.remove(asked.name);
    // A part (206) says nothing of the whole.
    if (!isError || forbidden) return this.#unshared(asked, answer, reason, !isError && answer.status !== 206);
    const object = this.#openObject(asked.name, answer, spentFreshness(answer));
    if (object === null) return this.#unshared(asked, answer, reason, false);
    void this.#fill(null, asked, object, answer);
    return { kind: 'object', object, kept: false, own: withheldFields(answer) };
  }

  /** It is too large, or memory is full of what cannot be evicted, which will pass. */
  #unheld(flight: Flight, asked: FetchAsked, name: string, answer: UpstreamAnswer): Landing {
    const { objectBytesMax, large } = this.#options;
    // What was changed meanwhile must not be found in its blocks again.
    if (!flight.keep) return this.#unshared(asked, answer, 'changed-meanwhile', false);
    const tooLarge = (answer.contentLength ?? 0) > objectBytesMax;
    if (tooLarge && large.learn(name, answer)) return this.#unshared(asked, answer, 'in-blocks', false);
    return this.#unshared(asked, answer, tooLarge ? 'too-large' : 'no-room', tooLarge);
  }

  #unshared(asked: FetchAsked, answer: UpstreamAnswer, reason: string, remember = true): Landing {
    if (remember) this.#options.hitForMiss.remember(asked.key, reason === 'too-large');
    return { kind: 'unshared', reason, status: answer.status, claim: claimOnce(answer) };
  }

  #openObject(key: string, answer: UpstreamAnswer, freshness: Freshness): CachedObject | null {
    const { objectBytesMax, tier } = this.#options;
    const head = storedHead(answer, freshness);
    const bodyless = answer.status === 204;
    const length = bodyless ? 0 : answer.contentLength;
    const object = CachedObject.open({ key, head, length, bytesMax: objectBytesMax, room: tier });
    // Those that wait for it read it in this turn, or begin to.
    if (object !== null) holdForTurn(object);
    return object;
  }

  /** `flight` is null for what is shared but not kept. */
  async #fill(flight: Flight | null, asked: FetchAsked, object: CachedObject, answer: UpstreamAnswer): Promise<void> {
    const { target, headers, block = null } = asked;
    const upstream = this.#upstreamFor(asked);
    const resuming = { ...this.#options.resuming, upstream, target, headers: headers(), block };
    const fill = new Fill(object, new ResumedBody(answer, resuming), this.#options, () => {
      this.#options.hitForMiss.remember(asked.key, true);
      if (flight !== null) this.#over(flight);
    });
    const end = await fill.run();
    if (end === 'broken') this.#options.metrics.fillBroke();
    else if (end === 'whole') this.#options.metrics.filled((this.#options.now() - answer.askedAt) / 1000);
    const keep = end === 'whole' && flight?.keep === true && this.#flights.get(flight.name) === flight;
    if (keep) this.#options.tier.put(object);
    else object.letGo();
    if (flight !== null) this.#over(flight);
  }

  #upstreamFor({ held }: FetchAsked): Pick<Upstream, 'fetch'> {
    return held ? this.#options.held : this.#options.upstream;
  }

  /** Asked without credentials; whoever has some may share it once it is known to be for everybody. */
  #publicFlight(name: string): Flight | undefined {
    const flight = this.#flights.get(name);
    return flight?.object ? flight : undefined;
  }

  #rename(flight: Flight, name: string): void {
    if (!flight.keep || name === flight.name) return;
    this.#over(flight);
    flight.name = name;
    this.#flights.set(name, flight);
  }

  #over(flight: Flight): void {
    if (this.#flights.get(flight.name) === flight) this.#flights.delete(flight.name);
  }
}

/** The body has changed, the upstream gives no blocks of it, or it failed. */
function notTheBlock(answer: UpstreamAnswer): Landing {
  answer.body.destroy();
  return { kind: 'unshared', reason: 'not-the-block', status: answer.status, claim: () => null };
}

/** What asks with credentials shares a fetch only with what asks with the same ones. */
function flightName({ name, authorization }: Pick<FetchAsked, 'name' | 'authorization'>): string {
  return authorization === '' ? name : `${name} ${authorization}`;
}

/**
 * What was held back was made when it came. The delay, which RFC 9111 §4.2.3 counts as age where it cannot know that, would be
 * longer than it may be kept, and all that waited for it would have to ask again, each on its own; a Date that lags by a
 * second would do the same.
 */
function agedFromHere(answer: UpstreamAnswer): UpstreamAnswer {
  const headers = answer.headers.filter(([name]) => name !== 'date');
  return { ...answer, headers, askedAt: answer.receivedAt };
}

const isAuthorized = ({ authorization }: FetchAsked): boolean => authorization !== '';

/** As far as its head tells. Without a validator on both sides it tells nothing. */
function isSameBody(kept: CachedObject, { headers, contentLength }: UpstreamAnswer): boolean {
  if (contentLength !== null && contentLength !== kept.length) return false;
  const pairs = [
    [kept.head.etag, firstField(headers, 'etag')],
    [kept.head.lastModified, firstField(headers, 'last-modified')],
  ] as const;
  const told = pairs.filter(([before, now]) => before !== null && now !== null);
  return told.length > 0 && told.every(([before, now]) => before === now);
}

/** The confirmation names another answer than the one kept (RFC 9111 §4.3.4): by the tag where there is one, else by the date. */
function isOfAnother({ head }: CachedObject, { headers }: UpstreamAnswer): boolean {
  const [name, kept] =
    head.etag === null ? (['last-modified', head.lastModified] as const) : (['etag', head.etag] as const);
  const told = firstField(headers, name);
  return told !== null && kept !== null && told !== kept;
}

/** RFC 9111 §4.3.1. */
function conditionsFor(stale: CachedObject): HeaderPair[] {
  const conditions: HeaderPair[] = [];
  if (stale.head.etag !== null) conditions.push(['if-none-match', stale.head.etag]);
  if (stale.head.lastModified !== null) conditions.push(['if-modified-since', stale.head.lastModified]);
  return conditions;
}
