/**
 * One upstream fetch per name at a time, shared by all that ask meanwhile. What becomes of its answer is in `landings`.
 *
 * Lives as long as the edge. Bounded: flights by the upstream's slots and queue, their bytes by the memory tier, their
 * time by the upstream's deadlines and `fillMs`.
 */
import { Completion } from './completed-answer.js';
import { type FetchAsked, flightName, isAuthorized } from './fetch-asked.js';
import { Crew, type Flight, type Landing } from './flight.js';
import { Flights } from './flights.js';
import { passInterim } from './interim.js';
import { partName } from './kept-parts.js';
import { type LandingOptions, Landings } from './landings.js';
import { blockAnswer } from './large-bodies.js';
import type { CachedObject } from './memory/cached-object.js';
import { conditionsFor } from './semantics/confirmation.js';
import { freshForMs, isOriginFailure, keeping } from './semantics/freshness.js';
import type { PartPlace } from './semantics/part-place.js';
import type { Upstream, UpstreamAnswer, UpstreamOutcome } from './upstream/upstream.js';

export interface SharedFetchOptions extends LandingOptions {
  readonly upstream: Pick<Upstream, 'fetch'>;
  /** For what the origin may hold back: such requests must not keep the others waiting. */
  readonly held: Pick<Upstream, 'fetch'>;
}

/** What a fetch starts with. */
interface Start {
  /** What is kept, to be confirmed if it has a validator. */
  readonly stale: CachedObject | null;
  readonly completion: Completion | undefined;
  readonly signal: AbortSignal | undefined;
}

export class SharedFetches {
  readonly #options: SharedFetchOptions;
  readonly #flights = new Flights();
  readonly #landings: Landings;

  constructor(options: SharedFetchOptions) {
    this.#options = options;
    this.#landings = new Landings(options, this.#flights);
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
      this.#flights.over(flight);
    };
    const crew = asked.held ? new Crew(desert) : null;
    // What is kept must still be there when the rest has come.
    const completion = asked.part && new Completion(asked.part);
    const start = { stale, completion, signal: cancel?.signal };
    const flight = this.#flights.begin(flightName(asked), crew, () => this.#ask(flight, asked, start));
    return flight;
  }

  /** How often something was invalidated: what was asked for before the last time may be out of date. */
  get changes(): number {
    return this.#flights.changes;
  }

  /** An answer that came for one client, and will do for all: as if it had been fetched for that. Null: it cannot be; it is untouched. */
  adopt(asked: FetchAsked, answer: UpstreamAnswer): Landing | null {
    const name = flightName(asked);
    if (this.#flights.has(name)) return null;
    const flight = this.#flights.begin(name, null, () => landing);
    const landing = this.#landed(flight, asked, answer, null);
    return landing;
  }

  /** The same of a part of the body, which is kept apart from the whole. */
  adoptPart(asked: FetchAsked, answer: UpstreamAnswer, place: PartPlace): Landing | null {
    const { first, last, total } = place;
    const contentLength = last - first + 1;
    const part = { ...answer, status: 200, contentLength };
    if (!keeping(part, isAuthorized(asked)).keep) return null;
    const partOf = this.#landings.nameOf(asked, answer);
    const body = { length: total, etag: '', blockBytes: contentLength };
    return this.adopt({ ...asked, partOf, name: partName(partOf, place), block: { body, first, last } }, part);
  }

  /** A HEAD was answered so: what is kept is confirmed by that, or shown to be out of date (RFC 9111 §4.3.5). */
  freshen(asked: FetchAsked, answer: UpstreamAnswer): void {
    this.#landings.freshen(asked, answer);
  }

  /** What is under way for this address must not be kept (RFC 9111 §4.4). */
  invalidate(key: string): void {
    this.invalidateWhere((name) => name === key || name.startsWith(`${key} `));
  }

  invalidateWhere(isMeant: (name: string) => boolean): void {
    this.#flights.invalidateWhere(isMeant);
  }

  async #ask(flight: Flight, asked: FetchAsked, start: Start): Promise<Landing> {
    try {
      const outcome = await this.#fetch(asked, start);
      flight.crew?.landed();
      if (outcome.kind === 'gone') return { kind: 'deserted' };
      if (outcome.kind === 'failed') return this.#landedWithout(flight, outcome);
      const answer = asked.block === undefined ? outcome.answer : blockAnswer(outcome.answer, asked.block);
      if (answer === null) return this.#landedWithout(flight, notTheBlock(outcome.answer));
      const landing = this.#landed(flight, asked, asked.held ? agedFromHere(answer) : answer, start.stale);
      return landing.kind === 'object' && outcome.isCompleted ? { ...landing, fwdStatus: 206 } : landing;
    } catch (error) {
      start.completion?.close();
      this.#flights.over(flight);
      throw error;
    }
  }

  async #fetch(asked: FetchAsked, start: Start): Promise<UpstreamOutcome & { readonly isCompleted?: boolean }> {
    const { stale, completion, signal } = start;
    const upstream = this.#upstreamFor(asked);
    const { target } = asked;
    const headers = stale === null ? asked.headers() : [...asked.headers(), ...conditionsFor(stale.head)];
    const onInterim = asked.exchange && passInterim(asked.exchange);
    const wanted = { method: 'GET', target, headers, signal, onInterim };
    if (completion === undefined) return upstream.fetch(wanted);
    const outcome = await upstream.fetch({ ...wanted, headers: [...headers, ...completion.fields] });
    const whole = outcome.kind === 'answer' ? completion.whole(outcome.answer) : null;
    if (whole !== null) return { kind: 'answer', answer: whole, isCompleted: true };
    completion.close();
    if (outcome.kind !== 'answer' || isOriginFailure(outcome.answer.status)) return outcome;
    // It has changed: mostly that is the whole of the new one.
    this.#options.parts.forget(asked.name);
    if (outcome.answer.status !== 206 && outcome.answer.status !== 416) return outcome;
    outcome.answer.body.destroy();
    return upstream.fetch(wanted);
  }

  #landed(flight: Flight, asked: FetchAsked, answer: UpstreamAnswer, stale: CachedObject | null): Landing {
    const landing = this.#landings.land({ flight, asked, answer, stale, upstream: this.#upstreamFor(asked) });
    return landing.kind === 'object' && landing.kept ? landing : this.#landedWithout(flight, landing);
  }

  /** Nothing that latecomers could join. */
  #landedWithout(flight: Flight, landing: Landing): Landing {
    this.#flights.over(flight);
    return landing;
  }

  #upstreamFor({ held }: FetchAsked): Pick<Upstream, 'fetch'> {
    return held ? this.#options.held : this.#options.upstream;
  }

  /** Asked without credentials; whoever has some may share it once it is known to be for everybody. */
  #publicFlight(name: string): Flight | undefined {
    const flight = this.#flights.get(name);
    return flight?.object ? flight : undefined;
  }
}

/** The body has changed, the upstream gives no blocks of it, or it failed. */
function notTheBlock(answer: UpstreamAnswer): Landing {
  answer.body.destroy();
  return { kind: 'unshared', reason: 'not-the-block', status: answer.status, claim: () => null };
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
