/**
 * From an answer of the upstream to what everybody who waited for it gets: an object to read along, what is kept and confirmed, or word that it is
 * not to be shared; and its body into memory. Lives as long as the edge; bounded by the memory tier.
 */
import type { EdgeMetrics } from './edge-metrics.js';
import { type FetchAsked, isAuthorized } from './fetch-asked.js';
import { Fill, type FillLimits } from './fill.js';
import { claimOnce, type Flight, type Landing } from './flight.js';
import type { Flights } from './flights.js';
import type { HitForMiss } from './hit-for-miss.js';
import type { KeptParts } from './kept-parts.js';
import type { LargeBodies } from './large-bodies.js';
import { CachedObject, holdForTurn } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { isOfAnother, isSameBody } from './semantics/confirmation.js';
import {
  type Freshness,
  freshForMs,
  isOriginFailure,
  type KeepRefusal,
  keeping,
  spentFreshness,
} from './semantics/freshness.js';
import { confirmedAnswer, refreshedHead, storedHead, withheldFields } from './semantics/stored-head.js';
import { varyNames } from './semantics/vary.js';
import { ResumedBody, type Resuming } from './upstream/resumed-body.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';
import type { VariantIndex } from './variant-index.js';

export interface LandingOptions extends FillLimits {
  /** For fills that break off. */
  readonly resuming: Pick<Resuming, 'retries' | 'metrics'>;
  readonly tier: MemoryTier;
  readonly parts: KeptParts;
  readonly variants: VariantIndex;
  readonly hitForMiss: HitForMiss;
  readonly large: LargeBodies;
  readonly metrics: EdgeMetrics;
  readonly now: () => number;
  /** Larger bodies are streamed to each client on its own, and not kept. */
  readonly objectBytesMax: number;
}

/** One answer that has come, and what it is an answer to. */
export interface Arrival {
  readonly flight: Flight;
  readonly asked: FetchAsked;
  readonly answer: UpstreamAnswer;
  /** What is kept, and was to be confirmed. */
  readonly stale: CachedObject | null;
  /** Where the rest of its body is asked for, should it break off. */
  readonly upstream: Pick<Upstream, 'fetch'>;
}

export class Landings {
  readonly #options: LandingOptions;
  readonly #flights: Flights;

  constructor(options: LandingOptions, flights: Flights) {
    this.#options = options;
    this.#flights = flights;
  }

  land(arrival: Arrival): Landing {
    const { asked, answer, stale } = arrival;
    if (answer.status === 304 && stale !== null) return this.#confirm(asked, answer, stale);
    const verdict = keeping(answer, isAuthorized(asked));
    if (!verdict.keep) return this.#unkept(arrival, verdict.reason, verdict.forbidden);
    // What is kept may have to do for longer.
    if (stale !== null && isOriginFailure(answer.status)) return this.#unkept(arrival, 'status', false);
    return this.#keep(arrival, verdict.freshness);
  }

  /** The name that an answer to this is kept under. */
  nameOf(asked: FetchAsked, { headers }: UpstreamAnswer): string {
    return this.#options.variants.learn(asked, varyNames(headers), asked.headers());
  }

  /** A HEAD was answered so: what is kept is confirmed by that, or shown to be out of date (RFC 9111 §4.3.5). */
  freshen(asked: FetchAsked, answer: UpstreamAnswer): void {
    const { tier } = this.#options;
    const kept = tier.get(asked.name);
    if (kept === undefined || answer.status !== 200 || kept.head.status !== 200) return;
    const verdict = keeping(confirmedAnswer(kept.head, answer), isAuthorized(asked));
    if (!verdict.keep || !isSameBody(kept.head, kept.length, answer)) tier.remove(asked.name);
    else this.#refresh(kept, answer, verdict.freshness);
  }

  #keep(arrival: Arrival, freshness: Freshness): Landing {
    const { flight, asked, answer } = arrival;
    const name = asked.block ? asked.name : this.nameOf(asked, answer);
    const object = this.#openObject(name, answer, freshness);
    if (object === null) return this.#unheld(flight, asked, name, answer);
    this.#options.hitForMiss.forget(asked.key);
    this.#flights.fills(flight, object);
    void this.#fill(arrival, object, flight);
    return { kind: 'object', object, kept: flight.keep, own: withheldFields(answer) };
  }

  /** The upstream says that what is kept still holds (RFC 9111 §4.3.4). */
  #confirm(asked: FetchAsked, answer: UpstreamAnswer, stale: CachedObject): Landing {
    const verdict = keeping(confirmedAnswer(stale.head, answer), isAuthorized(asked));
    if (!verdict.keep || isOfAnother(stale.head, answer)) {
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
  #unkept(arrival: Arrival, reason: KeepRefusal, forbidden: boolean): Landing {
    const { asked, answer } = arrival;
    const isError = answer.status >= 400;
    // What is kept is no longer what the upstream has, unless the upstream is in trouble.
    if (answer.status < 500) this.#options.tier.remove(asked.name);
    // A part (206) says nothing of the whole.
    if (!isError || forbidden) return this.#unshared(asked, answer, reason, !isError && answer.status !== 206);
    const object = this.#openObject(asked.name, answer, spentFreshness(answer));
    if (object === null) return this.#unshared(asked, answer, reason, false);
    void this.#fill(arrival, object, null);
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
  async #fill({ asked, answer, stale, upstream }: Arrival, object: CachedObject, flight: Flight | null): Promise<void> {
    const { metrics, now, hitForMiss } = this.#options;
    const { target, headers, block = null } = asked;
    const resuming = { ...this.#options.resuming, upstream, target, headers: headers(), block };
    const fill = new Fill(object, new ResumedBody(answer, resuming), this.#options, () => {
      hitForMiss.remember(asked.key, true);
      if (flight !== null) this.#flights.over(flight);
    });
    const end = await fill.run();
    if (end === 'broken') metrics.fillBroke();
    else if (end === 'whole') metrics.filled((now() - answer.askedAt) / 1000);
    if (end === 'whole' && flight !== null && this.#flights.mayKeep(flight)) this.#put(asked, object, stale);
    else object.letGo();
    if (flight !== null) this.#flights.over(flight);
  }

  #put({ partOf }: FetchAsked, object: CachedObject, stale: CachedObject | null): void {
    const { tier, parts, now } = this.#options;
    // It was selected, and is out of date; the new one varies on other fields, and does not take its place.
    if (stale !== null && stale.key !== object.key && freshForMs(stale.head.freshness, now()) <= 0) {
      tier.remove(stale.key);
      this.#options.variants.left(stale.key);
    }
    if (partOf !== undefined) parts.keep(partOf, object);
    else {
      tier.put(object);
      parts.forget(object.key);
    }
  }
}
