import { type OpenAnswer, type QuickAnswer, type QuickAnswers, whole } from '../../http/quick-answers.js';
import { sendableHeaders } from '../../http/response-head.js';
import { firstWithRest } from '../../http/uws-response.js';
import type { AddressRules } from '../address-rules.js';
import type { Tools } from '../exchange.js';
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
  readonly #tools: Tools;
  readonly #byAddress = new Map<string, QuickHit>();
  readonly #byPlace = new Map<number, QuickHit>();

  constructor(objects: BorrowedObjects, addresses: AddressRules, tools: Tools) {
    this.#objects = objects;
    this.#addresses = addresses;
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
    const hit = new QuickHit(name, borrowed, this.#objects, this.#tools);
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

class QuickHit implements QuickAnswer {
  readonly address: string;
  readonly #borrowed: Borrowed;
  readonly #objects: BorrowedObjects;
  readonly #tools: Tools;
  #age = -1;
  #ttl = -1;
  #answer: OpenAnswer | null = null;

  constructor(address: string, borrowed: Borrowed, objects: BorrowedObjects, tools: Tools) {
    this.address = address;
    this.#borrowed = borrowed;
    this.#objects = objects;
    this.#tools = tools;
  }

  open(range: string): OpenAnswer | null {
    if (!this.#objects.hold(this.#borrowed)) return null;
    const all = this.#current();
    const answer = all === null || range === whole ? all : this.#part(all, range);
    if (answer === null) {
      this.#objects.giveBack(this.#borrowed);
      return null;
    }
    const { metrics } = this.#tools;
    metrics.request('hit');
    metrics.served('cache', answer.body.length);
    return answer;
  }

  close(): void {
    this.#objects.giveBack(this.#borrowed);
  }

  closeLater(cut: () => void): () => void {
    const { object } = this.#borrowed;
    const reader = object.openReader(0);
    void reader.change().then(() => {
      if (object.phase === 'failed') cut();
    });
    return () => {
      reader.close();
      this.close();
    };
  }

  #part(all: OpenAnswer, asked: string): OpenAnswer | null {
    const total = all.body.length;
    const ranges = parseRanges(asked);
    const [only] = ranges ?? [];
    const range = ranges?.length === 1 && only !== undefined ? resolveRange(only, total) : null;
    if (range === null) return null;
    const { first, last } = range;
    return { ...all, body: all.body.subarray(first, last + 1), range: contentRange(range, total)[1] };
  }

  #current(): OpenAnswer | null {
    const { object } = this.#borrowed;
    const { freshness } = object.head;
    const now = this.#tools.now();
    const freshMs = freshForMs(freshness, now);
    if (freshMs <= 0 || object.phase !== 'complete') return null;
    const age = Math.floor(currentAgeMs(freshness, now) / 1000);
    const ttl = Math.ceil(freshMs / 1000);
    if (age !== this.#age || ttl !== this.#ttl || this.#answer === null) {
      const headers = sendableHeaders(sentHead(object, { hit: true, ttl }, age));
      const [first] = headers;
      if (first === undefined) return null;
      this.#answer = { name: first[0], rest: firstWithRest(headers), body: object.view(0, object.filled), range: null };
      this.#age = age;
      this.#ttl = ttl;
    }
    return this.#answer;
  }
}
