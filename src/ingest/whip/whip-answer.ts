import type { ServerResponse } from 'node:http';

/** An RFC 9457 problem document for a publisher. */
export interface WhipProblem {
  readonly status: number;
  /** The document's `type` is `urn:headwater:problem:<code>`. */
  readonly code: WhipProblemCode;
  readonly title: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type WhipProblemCode =
  | 'whip-unauthenticated'
  | 'whip-denied'
  | 'whip-not-found'
  | 'whip-method'
  | 'whip-media-type'
  | 'whip-body'
  | 'whip-offer'
  | 'whip-no-codec'
  | 'whip-busy'
  | 'whip-full'
  | 'whip-unavailable'
  | 'whip-fragment'
  | 'whip-precondition'
  | 'whip-ice-restart'
  | 'whip-failed';

/**
 * Pages of any origin may publish: the key comes with the request, never with a cookie, so there is nothing of the user's
 * that another page could make use of.
 */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Location, ETag, Accept-Patch, WWW-Authenticate, Retry-After',
};

/** The answer to a request that was well. Does nothing where the asker is gone. */
export function sendAnswer(
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): void {
  if (res.destroyed || res.headersSent) return;
  const length = status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  res.writeHead(status, { ...CORS, 'Cache-Control': 'no-store', ...length, ...headers });
  res.end(body);
}

/** The answer to a CORS preflight, or to a publisher that asks what may be sent (RFC 9725 §4.2). */
export function sendOptions(res: ServerResponse, methods: string, accept: Readonly<Record<string, string>>): void {
  sendAnswer(res, 204, {
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
    'Access-Control-Max-Age': '86400',
    Allow: methods,
    ...accept,
  });
}

export function sendProblem(res: ServerResponse, { status, code, title, detail, headers }: WhipProblem): void {
  const body = JSON.stringify({ type: `urn:headwater:problem:${code}`, title, status, detail });
  const type = { 'Content-Type': 'application/problem+json', ...headers };
  // What is left of a body would be read as the next request.
  sendAnswer(res, status, res.req.complete ? type : { ...type, Connection: 'close' }, body);
}
