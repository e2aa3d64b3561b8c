import type { HttpRequest, HttpResponse } from '../http/server.js';
import { type Answer, type OpenStream, problemAnswer } from './answer.js';
import { chooseRange, type RangeChoice } from './byte-range.js';

/** Sends an answer: applies If-None-Match and Range (RFC 9110 §13, §14), leaves the body out for HEAD, streams with backpressure. */
export async function sendAnswer(request: HttpRequest, response: HttpResponse, answer: Answer): Promise<void> {
  if (answer.status === 200 && isUnchanged(request, answer)) return sendUnchanged(response, answer);
  if (answer.content.kind === 'growing') return sendGrowing(request, response, answer, answer.content);
  const size = sizeOf(answer.content);
  const range = answer.status === 200 ? rangeFor(request, answer, size) : ({ kind: 'whole' } as const);
  if (range.kind === 'unsatisfiable') return sendUnsatisfiable(request, response, size);
  const bounds = range.kind === 'part' ? range : { start: 0, end: size - 1 };
  const length = bounds.end - bounds.start + 1;
  if (request.method === 'HEAD') {
    startAnswer(response, answer, range, size, length);
    return response.end();
  }
  if (answer.content.kind === 'bytes') {
    startAnswer(response, answer, range, size, length);
    return response.end(answer.content.bytes.subarray(bounds.start, bounds.end + 1));
  }
  const open = await answer.content.open(range.kind === 'part' ? bounds : undefined);
  if (open === null) return sendAnswer(request, response, gone());
  startAnswer(response, answer, range, size, length);
  await pump(open, request, response);
}

type Sized = Exclude<Answer['content'], { kind: 'growing' }>;

function sizeOf(content: Sized): number {
  return content.kind === 'bytes' ? content.bytes.length : content.size;
}

/** Its size is not known yet: no ranges, and a chunked body (a HEAD says nothing of the length). */
async function sendGrowing(
  request: HttpRequest,
  response: HttpResponse,
  answer: Answer,
  { open }: Extract<Answer['content'], { kind: 'growing' }>,
): Promise<void> {
  response.start(answer.status, [...tagged(answer), ...answer.headers]);
  if (request.method === 'HEAD') return response.end();
  try {
    await copy(open(request.signal), request, response);
    response.end();
  } catch {
    response.abort();
  }
}

/** RFC 9110 §13.1.2: `*`, or any of a list; weak tags compare by what they name. */
function isUnchanged(request: HttpRequest, { etag }: Answer): boolean {
  const asked = request.header('if-none-match');
  if (asked === undefined || etag === null) return false;
  return asked.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

function sendUnchanged(response: HttpResponse, answer: Answer): void {
  response.start(304, [...tagged(answer), ...answer.headers.filter(([name]) => name !== 'content-type')]);
  response.end();
}

/** If-Range (§13.1.5): a part only of the very bytes that the client has the rest of. */
function rangeFor(request: HttpRequest, { etag }: Answer, size: number): RangeChoice {
  const condition = request.header('if-range');
  if (condition !== undefined && condition.trim() !== etag) return { kind: 'whole' };
  return chooseRange(request.header('range'), size);
}

function sendUnsatisfiable(request: HttpRequest, response: HttpResponse, size: number): Promise<void> {
  const answer = problemAnswer(416, 'Range Not Satisfiable', `There are ${size} bytes.`, 'trouble', [
    ['content-range', `bytes */${size}`],
  ]);
  return sendAnswer(request, response, answer);
}

function startAnswer(response: HttpResponse, answer: Answer, range: RangeChoice, size: number, length: number): void {
  const part = range.kind === 'part';
  const extent = part ? [['content-range', `bytes ${range.start}-${range.end}/${size}`] as const] : [];
  const ranges = answer.status === 200 ? [['accept-ranges', 'bytes'] as const] : [];
  response.start(part ? 206 : answer.status, [...tagged(answer), ...ranges, ...extent, ...answer.headers], length);
}

function tagged({ etag }: Answer): (readonly [string, string])[] {
  return etag === null ? [] : [['etag', etag]];
}

function gone(): Answer {
  return problemAnswer(404, 'Not Found', 'It has just been removed.', 'absent');
}

/** A source that fails in the middle cuts the connection: the client must see that bytes are missing. */
async function pump({ body, release }: OpenStream, request: HttpRequest, response: HttpResponse): Promise<void> {
  const stop = () => body.destroy();
  request.signal.addEventListener('abort', stop, { once: true });
  try {
    if (request.signal.aborted) return;
    await copy(body as AsyncIterable<Buffer>, request, response);
    response.end();
  } catch {
    response.abort();
  } finally {
    request.signal.removeEventListener('abort', stop);
    body.destroy();
    release();
  }
}

async function copy(body: AsyncIterable<Buffer>, request: HttpRequest, response: HttpResponse): Promise<void> {
  for await (const piece of body) {
    if (!response.write(piece)) await response.drained();
    if (request.signal.aborted) return;
  }
}
