import { Failure } from '../telemetry/failure.js';

/** What can go wrong between the edge and the server behind it. */
export type EdgeFailureCode =
  | 'edge-cache.upstream-unreachable'
  | 'edge-cache.upstream-timeout'
  | 'edge-cache.upstream-busy'
  | 'edge-cache.upstream-broke';

export type EdgeFailure = Failure<EdgeFailureCode>;

const hints: Record<EdgeFailureCode, string> = {
  'edge-cache.upstream-unreachable': 'Check that the server behind this edge runs and that its address is right.',
  'edge-cache.upstream-timeout': 'The server behind this edge is slow or hangs: look at its log and its load.',
  'edge-cache.upstream-busy': 'Raise the concurrency towards the upstream, or give it more capacity.',
  'edge-cache.upstream-broke':
    'The server behind this edge cut the connection or spoke no valid HTTP: look at its log.',
};

export function edgeFailure(code: EdgeFailureCode, message: string, cause?: unknown): EdgeFailure {
  return new Failure(code, message, { hint: hints[code], cause });
}
