import type { HttpResponse } from './server.js';

/**
 * Answers with a problem document (RFC 9457). Doors alone call it: they turn failure codes into statuses.
 * `detail` is read by strangers, so it must not tell of the box's insides.
 */
export function sendProblem(
  response: HttpResponse,
  status: number,
  title: string,
  detail: string,
  extraHeaders: readonly (readonly [string, string])[] = [],
): void {
  const body = problemDocument(status, title, detail);
  response.start(status, [['content-type', 'application/problem+json'], ...extraHeaders], body.byteLength);
  response.end(body);
}

/** The document's bytes. */
export function problemDocument(status: number, title: string, detail: string): Buffer {
  return Buffer.from(JSON.stringify({ type: 'about:blank', title, status, detail }));
}
