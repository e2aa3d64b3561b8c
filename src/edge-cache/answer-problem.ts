import { sendProblem } from '../http/problem.js';
import type { HttpResponse } from '../http/server.js';
import type { EdgeFailure, EdgeFailureCode } from './failure.js';
import { type CacheStatus, writeCacheStatus } from './semantics/cache-status.js';
import type { HeaderPair } from './semantics/header-fields.js';

/** What strangers are told; the operator reads the log. */
const words: Record<EdgeFailureCode, readonly [status: number, title: string, detail: string]> = {
  'edge-cache.upstream-unreachable': [502, 'Bad Gateway', 'The server behind this address cannot be reached.'],
  'edge-cache.upstream-broke': [502, 'Bad Gateway', 'The server behind this address broke off its answer.'],
  'edge-cache.upstream-timeout': [504, 'Gateway Timeout', 'The server behind this address did not answer in time.'],
  'edge-cache.upstream-busy': [503, 'Service Unavailable', 'Too many requests are waiting. Try again in a moment.'],
};

/** Answers with a problem document (RFC 9457) that no cache keeps. */
export function answerProblem(
  response: HttpResponse,
  [status, title, detail]: readonly [number, string, string],
  cacheStatus: CacheStatus,
  extra: readonly HeaderPair[] = [],
): void {
  sendProblem(response, status, title, detail, [
    ['cache-control', 'no-store'],
    ['cache-status', writeCacheStatus(cacheStatus)],
    ...extra,
  ]);
}

/** The only place that turns failure codes into statuses. */
export function answerFailure(response: HttpResponse, failure: EdgeFailure, cacheStatus: CacheStatus): void {
  const busy = failure.code === 'edge-cache.upstream-busy';
  const detail = failure.code.replace('edge-cache.', '');
  answerProblem(response, words[failure.code], { ...cacheStatus, detail }, busy ? [['retry-after', '1']] : []);
}
