import { once } from 'node:events';
import { chooseServer } from './rendezvous.js';
import type { RetryBudget } from './retry-budget.js';
import type { Upstream, UpstreamAnswer, UpstreamOutcome, UpstreamRequest } from './upstream.js';
import type { UpstreamMetrics } from './upstream-metrics.js';
import type { UpstreamServer, UpstreamServers } from './upstream-servers.js';

export interface UpstreamGroupOptions {
  readonly name: string;
  readonly servers: UpstreamServers;
  /** Opens the connections to one of them. */
  readonly open: (server: UpstreamServer) => Upstream;
  readonly retries: RetryBudget;
  /** From the request to the head of its answer, all attempts together, ms. */
  readonly headMs: number;
  /** Answers may be held back: then no time is left for another server. Else half of it is, where there is one. */
  readonly held: boolean;
  /** 502, 503 and 504 are failures, too; not where answers are held back, for then they may say that nothing came meanwhile. */
  readonly gatewayErrors: boolean;
  readonly metrics: UpstreamMetrics;
  /** Steady, ms. */
  readonly now: () => number;
}

interface Member {
  readonly server: UpstreamServer;
  readonly upstream: Upstream;
  /** Requests in hand, bodies included. */
  underWay: number;
}

/** How many other servers a request may go to. */
const othersMax = 2;
const gatewayErrors = new Set([502, 503, 504]);

/**
 * Several servers of the same content as one upstream: chooses one by address, load and health, and goes to the next where it fails
 * before the body of its answer has begun and the request may be repeated.
 *
 * Lives from the edge's opening to its `close`.
 */
export class UpstreamGroup {
  readonly #options: UpstreamGroupOptions;
  readonly #members: readonly Member[];

  constructor(options: UpstreamGroupOptions) {
    this.#options = options;
    this.#members = options.servers.all.map((server) => ({ server, upstream: options.open(server), underWay: 0 }));
  }

  /** As of a single upstream. Never rejects. */
  async fetch(ask: UpstreamRequest): Promise<UpstreamOutcome> {
    const { now, headMs } = this.#options;
    const untilAt = now() + headMs;
    const tried = new Set<Member>();
    let outcome: UpstreamOutcome | null = null;
    for (let next = this.#choose(ask, tried); next !== null; next = this.#another(ask, tried, outcome, untilAt)) {
      tried.add(next);
      const found = await this.#try(next, { ...ask, ...this.#deadline(ask, tried, untilAt) });
      outcome = outcome === null ? found : later(outcome, found);
    }
    if (outcome === null) throw new Error('a group has at least one upstream');
    return outcome;
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ upstream }) => upstream.close()));
  }

  #choose(ask: UpstreamRequest, tried: ReadonlySet<Member>): Member | null {
    const candidates = this.#candidates(ask, tried).map((member) => {
      const { seed, weight, health } = member.server;
      return { member, seed, weight: weight * health.share, underWay: member.underWay };
    });
    return chooseServer(ask.target, candidates)?.member ?? null;
  }

  #candidates({ only, avoid }: UpstreamRequest, tried: ReadonlySet<Member>): readonly Member[] {
    if (this.#members.length === 1) return tried.size === 0 ? this.#members : [];
    if (only !== undefined) return this.#members.filter(({ server }) => server.name === only && tried.size === 0);
    const ready = this.#options.servers.ready();
    const left = this.#members.filter((member) => ready.includes(member.server) && !tried.has(member));
    const others = left.filter(({ server }) => server.name !== avoid);
    return others.length === 0 ? left : others;
  }

  /** Who is asked next; null: the outcome stands. */
  #another(
    ask: UpstreamRequest,
    tried: ReadonlySet<Member>,
    outcome: UpstreamOutcome | null,
    untilAt: number,
  ): Member | null {
    const { metrics, name, retries, now } = this.#options;
    if (outcome === null || !isRepeatable(ask) || !this.#hasFailed(outcome)) return null;
    if (tried.size > othersMax || ask.signal?.aborted || now() >= untilAt) return null;
    const next = this.#choose(ask, tried);
    if (next === null) return null;
    const granted = retries.take();
    metrics.retried(name, granted ? 'sent' : 'refused');
    return granted ? next : null;
  }

  #hasFailed(outcome: UpstreamOutcome): boolean {
    if (outcome.kind === 'answer') return this.#isGatewayError(outcome.answer);
    return outcome.kind === 'failed';
  }

  #isGatewayError({ status }: UpstreamAnswer): boolean {
    return this.#options.gatewayErrors && !this.#options.held && gatewayErrors.has(status);
  }

  #deadline(
    ask: UpstreamRequest,
    tried: ReadonlySet<Member>,
    untilAt: number,
  ): Pick<UpstreamRequest, 'headMs' | 'hasOther'> {
    const leftMs = Math.max(1, Math.ceil(untilAt - this.#options.now()));
    const shares = !this.#options.held && isRepeatable(ask) && tried.size <= othersMax;
    const hasOther = shares && this.#candidates(ask, tried).length > 0;
    return { headMs: hasOther ? Math.ceil(leftMs / 2) : leftMs, hasOther };
  }

  async #try(member: Member, ask: UpstreamRequest): Promise<UpstreamOutcome> {
    const askedAt = this.#options.now();
    const headSettled = member.server.health.asked();
    member.underWay += 1;
    const outcome = await member.upstream.fetch(ask);
    headSettled();
    if (outcome.kind === 'answer') void this.#follow(member, outcome.answer, askedAt);
    else member.underWay -= 1;
    if (outcome.kind === 'failed' && outcome.failure.code !== 'edge-cache.upstream-busy') {
      const answers = outcome.headCame || outcome.failure.code === 'edge-cache.upstream-timeout';
      this.#options.servers.failed(member.server, answers ? 'struggling' : 'broken', askedAt);
    }
    return outcome;
  }

  /** To the end of its body: only then is it known to be good. */
  async #follow(member: Member, answer: UpstreamAnswer, askedAt: number): Promise<void> {
    const { servers } = this.#options;
    const { server } = member;
    const { body } = answer;
    const isGood = !this.#isGatewayError(answer);
    if (!isGood) servers.failed(server, 'struggling', askedAt);
    if (!body.closed) await once(body, 'close').catch(() => undefined);
    member.underWay -= 1;
    if (!isGood) return;
    if (body.readableEnded) servers.succeeded(server, askedAt);
    else if (broke(body.errored)) servers.failed(server, 'struggling', askedAt);
  }
}

const isRepeatable = ({ method, body }: UpstreamRequest): boolean =>
  body === undefined && (method === 'GET' || method === 'HEAD');

/** Of two attempts: an answer is better than none, and the later one better than the earlier. */
function later(first: UpstreamOutcome, second: UpstreamOutcome): UpstreamOutcome {
  if (first.kind !== 'answer') return second;
  if (second.kind === 'failed') return first;
  first.answer.body.destroy();
  return second;
}

/** Not because whoever read it left, or the edge is being closed. */
function broke(error: Error | null): boolean {
  if (error === null || error.name === 'AbortError') return false;
  return !('code' in error && (error.code === 'UND_ERR_DESTROYED' || error.code === 'UND_ERR_CLOSED'));
}
