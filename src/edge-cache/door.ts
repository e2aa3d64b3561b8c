import type { HttpHandler } from '../http/server.js';
import { answerProblem } from './answer-problem.js';
import { cacheKey } from './cache-key.js';
import type { Exchange } from './exchange.js';
import type { Gates } from './gates/gates.js';
import { type Gate, type Refusal, Visit } from './gates/visit.js';
import { passThrough } from './pass-through.js';
import { type PurgeDoor, purgePath, servePurges } from './purge/purge-door.js';
import { type CachedSpace, serveCached } from './request-steps.js';
import { hasLooped } from './semantics/cdn-loop.js';
import type { Upstream } from './upstream/upstream.js';

/** They would make this door a tunnel or an echo. */
const refusedMethods = new Set(['CONNECT', 'TRACE']);

/** What a request must pass before it is served, in this order. */
const inOrder = (gates: Gates): readonly Gate[] =>
  [
    // Who asks, behind proxies.
    gates.trustedProxies,
    // Written down from here on, whatever comes of it.
    gates.accessLog,
    // How often.
    gates.clientLimits,
    // Tokens come off: nobody behind this sees one.
    gates.takeTokens,
    // From where.
    gates.networks,
    // With what token.
    gates.signed,
  ].filter((gate) => gate !== null);

/** The public door: the API's addresses and what lies below go there as they come, everything else through the cache. */
export function openDoor(
  space: CachedSpace,
  api: Pick<Upstream, 'fetch'>,
  { cdnId, purging, gates: toPass }: { readonly cdnId: string; readonly purging: PurgeDoor; readonly gates: Gates },
): HttpHandler {
  const gates = inOrder(toPass);
  const serve = (exchange: Exchange, path: string, query: string) => {
    const { request } = exchange;
    const target = space.addresses.target(path, query);
    if (target.kind === 'refused') return refuse(space, exchange, [400, 'Bad Request', target.reason]);
    if (refusedMethods.has(request.method)) {
      return refuse(space, exchange, [405, 'Method Not Allowed', `${request.method} is not served here.`]);
    }
    if (request.header('cdn-loop') !== undefined && hasLooped(request.headers, cdnId)) {
      return refuse(space, exchange, [508, 'Loop Detected', 'The upstream of this edge leads back to it.']);
    }
    if (target.path === purgePath) return servePurges(purging, exchange, target.query);
    if (!space.addresses.isPassed(target.path)) return serveCached(space, exchange, target);
    const pass = { upstream: api, target: cacheKey(target), status: { fwd: 'bypass' } } as const;
    return passThrough(exchange, pass, space);
  };
  if (gates.length === 0) return (request, response) => serve({ request, response }, request.path, request.query);
  return (request, response) => {
    const visit = new Visit(request, response);
    for (const gate of gates) {
      const refusal = gate(visit);
      if (refusal !== null) return turnAway(space, visit, refusal);
    }
    return watchedTo(visit, () => serve(visit, visit.path, visit.query));
  };
}

/** Gates hear of it when the handler throws: then the engine answers, past them. */
function watchedTo(visit: Visit, serve: () => void | Promise<void>): void | Promise<void> {
  const threw = (error: unknown): never => {
    visit.threw();
    throw error;
  };
  try {
    const serving = serve();
    return serving instanceof Promise ? serving.catch(threw) : undefined;
  } catch (error) {
    return threw(error);
  }
}

function turnAway(space: CachedSpace, visit: Visit, { status, title, detail, told, headers }: Refusal): void {
  space.metrics.request('refused');
  answerProblem(visit.response, [status, title, detail], { detail: told ?? 'refused' }, headers);
}

function refuse(space: CachedSpace, { response }: Exchange, problem: readonly [number, string, string]): void {
  space.metrics.request('refused');
  const allow = problem[0] === 405 ? ([['allow', 'GET, HEAD, OPTIONS']] as const) : [];
  answerProblem(response, problem, { detail: 'refused' }, allow);
}
