import {
  type OpenAnswer,
  type QuickAnswer,
  type QuickAnswers,
  type QuickAsker,
  whole,
} from '../../http/quick-answers.js';
import { sendableHeaders } from '../../http/response-head.js';
import { firstWithRest } from '../../http/uws-response.js';
import type { AddressRules } from '../address-rules.js';
import type { Tools } from '../exchange.js';
import type { QuickGates, QuickVisit } from '../gates/quick-gates.js';
import type { BodyReader } from '../memory/body-reader.js';
import { contentRange, parseRanges, resolveRange } from '../semantics/byte-range.js';
import { currentAgeMs, freshForMs } from '../semantics/freshness.js';
import { sentHead } from '../sent-head.js';
import type { Borrowed, BorrowedObjects } from './borrowed-objects.js';
import type { LoanMessage } from './loan-messages.js';

/**
 * What a thread was lent of which its address says all: it varies on nothing and has status 200. A plain GET for it is answered from here, without the
 * steps that would find out the same. Bounded by the loans.
 */
export class QuickHits implements QuickAnswers {
  readonly #objects: BorrowedObjects;
  readonly #addresses: AddressRules;
  readonly #gates: QuickGates;
  readonly #tools: Tools;
  readonly #byAddress = new Map<string, QuickHit>();
  readonly #byPlace = new Map<number, QuickHit>();

  constructor(objects: BorrowedObjects, addresses: AddressRules, gates: QuickGates, tools: Tools) {
    this.#objects = objects;
    this.#addresses = addresses;
    this.#gates = gates;
    this.#tools = tools;
  }

  find(path: string, query: string | undefined): QuickAnswer | undefined {
    return this.#byAddress.get(query === undefined || query === '' ? path : `${path}?${query}`);
  }

  /** What the objects were told; `borrowed` is what came of it. */
  told(message: LoanMessage, borrowed: Borrowed | null): void {
    const { place } = message;
    const before = this.#byPlace.get(place);
    if (before !== undefined) {
      this.#byPlace.delete(place);
      if (this.#byAddress.get(before.address) === before) this.#byAddress.delete(before.address);
    }
    if (message.kind !== 'lent' || borrowed === null || message.varies !== null) return;
    if (message.head.status !== 200 || message.bytes.length === 0) return;
    // The long way knows what to do with it.
    if (message.head.headers.some(([name]) => name === 'content-range')) return;
    const { name } = message;
    if (!this.#saysAll(name)) return;
    const hit = new QuickHit(name, borrowed, this.#objects, { ...this.#tools, gates: this.#gates });
    this.#byAddress.set(name, hit);
    this.#byPlace.set(place, hit);
  }

  /** Whether whoever asks for an address with exactly this text means this object. */
  #saysAll(name: string): boolean {
    const at = name.indexOf('?');
    const [path, query] = at === -1 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
    const target = this.#addresses.target(path, query);
    if (target.kind === 'refused' || target.path !== path || this.#addresses.query(path, query) !== query) return false;
    // What is compressed has two forms.
    return !this.#addresses.read(path, query).text && !name.includes(' ');
  }
}

/** The whole of an object, or one part of it. */
interface Sendable {
  readonly name: string;
  readonly rest: Buffer;
  readonly body: Uint8Array;
  readonly range: string | null;
}

interface QuickTools extends Tools {
  readonly gates: QuickGates;
}

class QuickHit implements QuickAnswer {
  readonly address: string;
  readonly #borrowed: Borrowed;
  readonly #objects: BorrowedObjects;
  readonly #tools: QuickTools;
  #age = -1;
  #ttl = -1;
  #whole: Sendable | null = null;

  constructor(address: string, borrowed: Borrowed, objects: BorrowedObjects, tools: QuickTools) {
    this.address = address;
    this.#borrowed = borrowed;
    this.#objects = objects;
    this.#tools = tools;
  }

  open(range: string, asker: QuickAsker): OpenAnswer | null {
    if (!this.#objects.hold(this.#borrowed)) return null;
    const all = this.#current();
    const sendable = all === null || range === whole ? all : partOf(all, range);
    const { metrics, gates } = this.#tools;
    const visit = sendable && gates.pass(asker);
    if (sendable === null || visit === null) {
      this.#objects.giveBack(this.#borrowed);
      return null;
    }
    metrics.request('hit');
    metrics.served('cache', sendable.body.length);
    return new OpenHit(sendable, visit, this.#borrowed, this.#objects);
  }

  #current(): Sendable | null {
    const { object } = this.#borrowed;
    const { freshness } = object.head;
    const now = this.#tools.now();
    const freshMs = freshForMs(freshness, now);
    if (freshMs <= 0 || object.phase !== 'complete') return null;
    const age = Math.floor(currentAgeMs(freshness, now) / 1000);
    const ttl = Math.ceil(freshMs / 1000);
    if (age !== this.#age || ttl !== this.#ttl || this.#whole === null) {
      const headers = sendableHeaders(sentHead(object, { hit: true, ttl }, age));
      const [first] = headers;
      if (first === undefined) return null;
      this.#whole = { name: first[0], rest: firstWithRest(headers), body: object.view(0, object.filled), range: null };
      this.#age = age;
      this.#ttl = ttl;
    }
    return this.#whole;
  }
}

function partOf(all: Sendable, asked: string): Sendable | null {
  const total = all.body.length;
  const ranges = parseRanges(asked);
  const [only] = ranges ?? [];
  const range = ranges?.length === 1 && only !== undefined ? resolveRange(only, total) : null;
  if (range === null) return null;
  const { first, last } = range;
  return { ...all, body: all.body.subarray(first, last + 1), range: contentRange(range, total)[1] };
}

/** Has its object pinned until it is closed. */
class OpenHit implements OpenAnswer {
  readonly name: string;
  readonly rest: Buffer;
  readonly body: Uint8Array;
  readonly range: string | null;
  readonly #visit: QuickVisit;
  readonly #borrowed: Borrowed;
  readonly #objects: BorrowedObjects;
  #reader: BodyReader | null = null;

  constructor({ name, rest, body, range }: Sendable, visit: QuickVisit, borrowed: Borrowed, objects: BorrowedObjects) {
    this.name = name;
    this.rest = rest;
    this.body = body;
    this.range = range;
    this.#visit = visit;
    this.#borrowed = borrowed;
    this.#objects = objects;
  }

  lasts(cut: () => void): void {
    const { object } = this.#borrowed;
    const reader = object.openReader(0);
    this.#reader = reader;
    void reader.change().then(() => {
      if (object.phase === 'failed') cut();
    });
  }

  close(gone: boolean): void {
    this.#reader?.close();
    this.#objects.giveBack(this.#borrowed);
    this.#visit.over(this.range === null ? 200 : 206, this.body.length, gone);
  }
}
