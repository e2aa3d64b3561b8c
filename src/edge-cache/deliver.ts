/**
 * The last step: one object, whole or still filling, to one client: whole, a part of it (206), or only that the client
 * has it already (304). Sends what is there as soon as it is there, and holds at most one slice for a slow client.
 */
import { answerProblem } from './answer-problem.js';
import type { Asked, Tools } from './exchange.js';
import type { CachedObject } from './memory/cached-object.js';
import { multipartRanges, sendParts } from './multipart-ranges.js';
import { type ByteRange, contentRange, type RangeAsked, resolveRange, resolveRanges } from './semantics/byte-range.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { clientHoldsIt, rangeApplies } from './semantics/conditional.js';
import { currentAgeMs } from './semantics/freshness.js';
import { firstField, type HeaderPair, type HeaderPairs } from './semantics/header-fields.js';
import type { PartPlace } from './semantics/part-place.js';
import { type Sent, type Span, sendSpan } from './send-span.js';
import { agedAndTold, sentHead } from './sent-head.js';

export interface Delivery {
  readonly asked: Asked;
  readonly object: CachedObject;
  readonly status: CacheStatus;
  readonly tools: Tools;
  /** Fields for this client alone. */
  readonly own?: HeaderPairs;
}

/** `unavailable`: this object cannot answer this request after all, and nothing was sent. */
export type Delivered = 'delivered' | 'unavailable';

/** For who knows that it is available: a whole object has everything. */
export const settled = (delivered: Delivered | Promise<Delivered>): void | Promise<void> =>
  delivered instanceof Promise ? delivered.then(() => undefined) : undefined;

/** What a 304 repeats of the kept head (RFC 9110 §15.4.5). */
const repeatedIn304 = new Set(['cache-control', 'content-location', 'date', 'etag', 'expires', 'vary']);

export function deliverObject(delivery: Delivery): Delivered | Promise<Delivered> {
  const { asked, object, tools } = delivery;
  const { head, phase } = object;
  // What has overflowed goes on only for those that read it before.
  if (phase === 'failed' || phase === 'overflowed') return 'unavailable';
  const now = tools.now();
  if (head.status === 200 && clientHoldsIt(asked.conditions, head, now)) return notModified(delivery);
  const ranged = head.status === 200 && !asked.isHead && rangeApplies(asked.conditions, head, now);
  return ranged && asked.ranges !== null ? deliverRanges(delivery, asked.ranges) : deliverWhole(delivery);
}

/** A body that is in several objects. */
export interface BodyInBlocks {
  readonly length: number;
  send(span: Span): Promise<Sent>;
}

/** The same of such a body: `delivery.object` is one of its blocks, and has the head of all. */
export async function deliverInBlocks(delivery: Delivery, body: BodyInBlocks): Promise<Delivered> {
  const { asked, object, tools } = delivery;
  const now = tools.now();
  if (clientHoldsIt(asked.conditions, object.head, now)) return notModified(delivery);
  const { length } = body;
  if (asked.ranges === null || !rangeApplies(asked.conditions, object.head, now)) {
    begin(delivery, 200, [], length);
    return finish(asked, await body.send({ from: 0, end: length }));
  }
  const ranges = resolveRanges(asked.ranges, length);
  const [range] = ranges;
  if (range === undefined) return unsatisfiable(delivery, length);
  if (ranges.length > 1) return sendMultipart(delivery, ranges, body);
  begin(delivery, 206, [contentRange(range, length)], range.last - range.first + 1);
  return finish(asked, await body.send({ from: range.first, end: range.last + 1 }));
}

/** One range of a body of which the object has only the part at `place`, where the range lies. */
export function deliverFromPart(
  delivery: Delivery,
  range: ByteRange,
  place: PartPlace,
): Delivered | Promise<Delivered> {
  begin(delivery, 206, [contentRange(range, place.total)], range.last - range.first + 1);
  return sendBytes(delivery, range.first - place.first, range.last + 1 - place.first);
}

/** Sets the answer's head; Age by RFC 9111 §5.1. */
function begin(delivery: Delivery, status: number, extra: readonly HeaderPair[], length: number | undefined): void {
  const { object, own = [] } = delivery;
  const age = Math.floor(currentAgeMs(object.head.freshness, delivery.tools.now()) / 1000);
  const sent = status === 304 ? confirmation(delivery, age) : sentHead(object, delivery.status, age);
  delivery.tools.metrics.request(outcomeOf(delivery.status));
  const more = own.length === 0 ? extra : [...extra, ...own];
  delivery.asked.response.start(status, more.length === 0 ? sent : withFields(sent, more), length);
}

/** `fields` in place of those of the same name. */
function withFields(head: HeaderPairs, fields: readonly HeaderPair[]): HeaderPair[] {
  const replaced = new Set(fields.map(([name]) => name));
  return [...head.filter(([name]) => !replaced.has(name)), ...fields];
}

function confirmation({ object, status }: Delivery, age: number): HeaderPair[] {
  const { head } = object;
  // Where there is no tag, caches further down know by the date what it confirms.
  const repeated = head.headers.filter(
    ([name]) => repeatedIn304.has(name) || (name === 'last-modified' && head.etag === null),
  );
  return [...repeated, ...agedAndTold(head, status, age)];
}

function outcomeOf(status: CacheStatus): 'hit' | 'collapsed' | 'revalidated' | 'miss' {
  if (status.hit) return 'hit';
  if (status.collapsed) return 'collapsed';
  return status.fwdStatus === 304 ? 'revalidated' : 'miss';
}

function notModified(delivery: Delivery): Delivered {
  begin(delivery, 304, [], undefined);
  delivery.asked.response.end();
  return 'delivered';
}

function deliverWhole(delivery: Delivery): Delivered | Promise<Delivered> {
  const { asked, object } = delivery;
  const { status } = object.head;
  begin(delivery, status, [], object.length ?? undefined);
  if (!asked.isHead && status !== 204) return sendBytes(delivery, 0, object.length);
  asked.response.end();
  return 'delivered';
}

function deliverRanges(delivery: Delivery, asked: readonly RangeAsked[]): Delivered | Promise<Delivered> {
  const { length } = delivery.object;
  if (length !== null) return sendRanges(delivery, resolveRanges(asked, length), length);
  const [only] = asked;
  // Several ranges of a body whose end is not known yet: the whole, as RFC 9110 §14.2 allows.
  return asked.length === 1 && only !== undefined ? deliverRangeOfUnknown(delivery, only) : deliverWhole(delivery);
}

function sendRanges(delivery: Delivery, ranges: readonly ByteRange[], total: number): Delivered | Promise<Delivered> {
  const [first] = ranges;
  if (first === undefined) return unsatisfiable(delivery, total);
  if (ranges.length === 1) return sendRange(delivery, first, total);
  const { asked, object, tools } = delivery;
  return sendMultipart(delivery, ranges, {
    length: total,
    send: (span) => sendSpan(asked, object, span, tools),
  });
}

/** The length is not known yet: waits until the range is here, or until the end is, whichever comes first. */
async function deliverRangeOfUnknown(delivery: Delivery, range: RangeAsked): Promise<Delivered> {
  const { object, asked } = delivery;
  const first = range.kind === 'from' ? range.first : 0;
  const last = range.kind === 'from' ? range.last : null;
  // "All from the start on" is the whole, which may begin at once.
  if (range.kind === 'from' && first === 0 && last === null) return deliverWhole(delivery);
  const reader = object.openReader(first);
  const leave = () => reader.close();
  asked.request.signal.addEventListener('abort', leave, { once: true });
  try {
    while (object.phase === 'filling' && (last === null || object.filled <= last)) {
      await reader.change();
      if (asked.request.signal.aborted) return 'delivered';
    }
    if (object.phase === 'failed' || object.phase === 'overflowed') return 'unavailable';
    const resolved = resolveRange(range, object.length ?? object.filled);
    const total = object.length ?? '*';
    return await (resolved === null ? unsatisfiable(delivery, total) : sendRange(delivery, resolved, total));
  } finally {
    asked.request.signal.removeEventListener('abort', leave);
    reader.close();
  }
}

function sendRange(delivery: Delivery, range: ByteRange, total: number | '*'): Delivered | Promise<Delivered> {
  begin(delivery, 206, [contentRange(range, total)], range.last - range.first + 1);
  return sendBytes(delivery, range.first, range.last + 1);
}

function unsatisfiable({ asked, status, tools }: Delivery, total: number | string): Delivered {
  tools.metrics.request(outcomeOf(status));
  const problem = [416, 'Range Not Satisfiable', `None of the bytes asked for exist: there are ${total}.`] as const;
  answerProblem(asked.response, problem, status, [['content-range', `bytes */${total}`]]);
  return 'delivered';
}

/** `end` null: until the body is complete. */
function sendBytes(delivery: Delivery, from: number, end: number | null): Delivered | Promise<Delivered> {
  const { asked, object, tools } = delivery;
  if (object.phase !== 'complete' || end === null) return followBytes(delivery, from, end);
  tools.metrics.served('cache', end - from);
  asked.response.end(object.view(from, end));
  return asked.response.isDrained ? 'delivered' : pinned(delivery, from);
}

/** Its bytes are held until the client has them: as long as it takes, they count as pinned, and memory may have them back. */
async function pinned({ asked: { response }, object }: Delivery, from: number): Promise<Delivered> {
  const reader = object.openReader(from);
  const drained = response.drained();
  await Promise.race([drained, reader.change()]);
  if (object.phase === 'failed') response.abort();
  await drained;
  reader.close();
  return 'delivered';
}

async function followBytes({ asked, object, tools }: Delivery, from: number, end: number | null): Promise<Delivered> {
  return finish(asked, await sendSpan(asked, object, { from, end }, tools));
}

async function sendMultipart(
  delivery: Delivery,
  ranges: readonly ByteRange[],
  { length, send }: BodyInBlocks,
): Promise<Delivered> {
  const { asked, object } = delivery;
  const answer = multipartRanges(ranges, firstField(object.head.headers, 'content-type'), length);
  begin(delivery, 206, [['content-type', answer.contentType]], answer.length);
  return finish(asked, await sendParts(asked.response, answer, send));
}

function finish({ response }: Asked, sent: Sent): Delivered {
  if (sent === 'sent') response.end();
  else if (sent === 'failed') response.abort();
  return 'delivered';
}
