/**
 * The last step: one object, whole or still filling, to one client: whole, a part of it (206), or only that the client
 * has it already (304). Sends what is there as soon as it is there, and holds at most one slice for a slow client.
 */
import { answerProblem } from './answer-problem.js';
import type { BodyReader } from './body-reader.js';
import { type ByteRange, type RangeAsked, resolveRange } from './byte-range.js';
import type { CacheStatus } from './cache-status.js';
import type { CachedObject } from './cached-object.js';
import { clientHoldsIt, rangeApplies } from './conditional.js';
import type { Asked, Tools } from './exchange.js';
import { currentAgeMs } from './freshness.js';
import type { HeaderPair } from './header-fields.js';
import { agedAndTold, sentHead } from './sent-head.js';

export interface Delivery {
  readonly asked: Asked;
  readonly object: CachedObject;
  readonly status: CacheStatus;
  readonly tools: Tools;
}

/** `unavailable`: this object cannot answer this request after all, and nothing was sent. */
export type Delivered = 'delivered' | 'unavailable';

/** Most bytes handed to a client's socket at once. */
const sliceBytes = 256 * 1024;
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
  return ranged && asked.range !== null ? deliverRange(delivery, asked.range) : deliverWhole(delivery);
}

/** Sets the answer's head; Age by RFC 9111 §5.1. */
function begin(delivery: Delivery, status: number, extra: readonly HeaderPair[], length: number | undefined): void {
  const { object } = delivery;
  const age = Math.floor(currentAgeMs(object.head.freshness, delivery.tools.now()) / 1000);
  const sent = status === 304 ? confirmation(delivery, age) : sentHead(object, delivery.status, age);
  delivery.tools.metrics.request(outcomeOf(delivery.status));
  delivery.asked.response.start(status, extra.length === 0 ? sent : [...sent, ...extra], length);
}

function confirmation({ object, status }: Delivery, age: number): HeaderPair[] {
  const { head } = object;
  return [...head.headers.filter(([name]) => repeatedIn304.has(name)), ...agedAndTold(head, status, age)];
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

function deliverRange(delivery: Delivery, range: RangeAsked): Delivered | Promise<Delivered> {
  const { length } = delivery.object;
  if (length === null) return deliverRangeOfUnknown(delivery, range);
  return sendRange(delivery, resolveRange(range, length));
}

/** The length is not known yet: waits until the range is here, or until the end is, whichever comes first. */
async function deliverRangeOfUnknown(delivery: Delivery, range: RangeAsked): Promise<Delivered> {
  const { object, asked } = delivery;
  const first = range.kind === 'from' ? range.first : 0;
  const last = range.kind === 'from' ? range.last : null;
  // "All from the start on" is the whole, which may begin at once.
  if (range.kind === 'from' && first === 0 && last === null) return deliverWhole(delivery);
  const reader = openReader(delivery, first);
  try {
    while (object.phase === 'filling' && (last === null || object.filled <= last)) {
      await reader.change();
      if (asked.request.signal.aborted) return 'delivered';
    }
    if (object.phase === 'failed' || object.phase === 'overflowed') return 'unavailable';
    return await sendRange(delivery, resolveRange(range, object.length ?? object.filled));
  } finally {
    reader.close();
  }
}

function sendRange(delivery: Delivery, range: ByteRange | null): Delivered | Promise<Delivered> {
  const total = delivery.object.length ?? '*';
  if (range === null) return unsatisfiable(delivery, total);
  const contentRange: HeaderPair = ['content-range', `bytes ${range.first}-${range.last}/${total}`];
  begin(delivery, 206, [contentRange], range.last - range.first + 1);
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
  if (object.phase !== 'complete' || end === null || end - from > sliceBytes) return followBytes(delivery, from, end);
  tools.metrics.served('cache', end - from);
  asked.response.end(object.view(from, end));
  return 'delivered';
}

async function followBytes(delivery: Delivery, from: number, end: number | null): Promise<Delivered> {
  const { asked, object } = delivery;
  const { signal } = asked.request;
  const reader = openReader(delivery, from);
  try {
    while (!signal.aborted && reader.at < (end ?? object.length ?? Number.POSITIVE_INFINITY)) {
      const bytes = object.view(reader.at, Math.min(end ?? Number.POSITIVE_INFINITY, reader.at + sliceBytes));
      if (bytes.length > 0) await sendSlice(delivery, reader, bytes);
      else if (object.phase !== 'failed') await reader.change();
      else return cut(delivery);
    }
    if (!signal.aborted) asked.response.end();
    return 'delivered';
  } finally {
    reader.close();
  }
}

/** The rest will not come: the client must see that. */
function cut({ asked }: Delivery): Delivered {
  asked.response.abort();
  return 'delivered';
}

async function sendSlice({ asked, tools }: Delivery, reader: BodyReader, bytes: Uint8Array): Promise<void> {
  tools.metrics.served('cache', bytes.length);
  if (!asked.response.write(bytes)) await asked.response.drained();
  reader.moveTo(reader.at + bytes.length);
}

/** Closed by the caller, or when the client leaves. */
function openReader({ asked, object }: Delivery, from: number): BodyReader {
  const reader = object.openReader(from);
  asked.request.signal.addEventListener('abort', () => reader.close(), { once: true });
  return reader;
}
