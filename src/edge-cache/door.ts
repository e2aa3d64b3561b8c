import { answerProblem } from './answer-problem.js';
import { cacheKey } from './cache-key.js';
import type { Exchange } from './exchange.js';
import { passThrough } from './pass-through.js';
import { type PurgeDoor, purgePath, servePurges } from './purge/purge-door.js';
import { type CachedSpace, serveCached } from './request-steps.js';
import { hasLooped } from './semantics/cdn-loop.js';
import type { Upstream } from './upstream/upstream.js';

/** They would make this door a tunnel or an echo. */
const refusedMethods = new Set(['CONNECT', 'TRACE']);

/** What lies behind the gates of the public door: the API's addresses and what lies below go there as they come, everything else through the cache. */
export function openDoor(
  space: CachedSpace,
  api: Pick<Upstream, 'fetch'>,
  { cdnId, purging }: { readonly cdnId: string; readonly purging: PurgeDoor },
): (exchange: Exchange) => void | Promise<void> {
  return (exchange) => {
    const { request } = exchange;
    const target = space.addresses.target(request.path, request.query);
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
}

function refuse(space: CachedSpace, { response }: Exchange, problem: readonly [number, string, string]): void {
  space.metrics.request('refused');
  const allow = problem[0] === 405 ? ([['allow', 'GET, HEAD, OPTIONS']] as const) : [];
  answerProblem(response, problem, { detail: 'refused' }, allow);
}
