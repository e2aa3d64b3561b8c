import type { HttpHandler } from '../../http/server.js';
import type { AddressRules } from '../address-rules.js';
import { deliverObject } from '../deliver.js';
import type { Asked, Exchange, Tools } from '../exchange.js';
import type { QuickGates } from '../gates/quick-gates.js';
import { receive } from '../receive.js';
import { freshForMs } from '../semantics/freshness.js';
import { useOf } from '../semantics/request-wishes.js';
import { type Borrowed, BorrowedObjects } from './borrowed-objects.js';
import type { LoanMessage } from './loan-messages.js';
import { LoanTable } from './loan-table.js';
import { QuickHits } from './quick-hits.js';

export interface BorrowedDoorOptions {
  /** The table of loans, and how many places it has. */
  readonly loans: SharedArrayBuffer;
  readonly places: number;
  readonly addresses: AddressRules;
  /** Null: everything takes the long way. */
  readonly quickGates: QuickGates | null;
  readonly tools: Tools;
}

/** A door beside the owner's: answers what is a plain hit on something that it was lent, and relays everything else. */
export class BorrowedDoor {
  readonly #objects: BorrowedObjects;
  readonly #addresses: AddressRules;
  readonly #tools: Tools;
  readonly quick: QuickHits | null;

  constructor({ loans, places, addresses, quickGates, tools }: BorrowedDoorOptions) {
    this.#objects = new BorrowedObjects(new LoanTable(loans, places));
    this.#addresses = addresses;
    this.#tools = tools;
    this.quick = quickGates && new QuickHits(this.#objects, addresses, quickGates, tools);
  }

  told(message: LoanMessage): void {
    const borrowed = this.#objects.told(message);
    this.quick?.told(message, borrowed);
  }

  serve(exchange: Exchange, relay: HttpHandler): void | Promise<void> {
    const { request, response } = exchange;
    const { method } = request;
    const isPlain = (method === 'GET' || method === 'HEAD') && !request.hasBody;
    // Whether it has come round is for the owner to say.
    if (!isPlain || request.header('cdn-loop') !== undefined) return relay(request, response);
    const target = this.#addresses.target(request.path, request.query);
    if (target.kind === 'refused') return relay(request, response);
    const asked = receive({ variants: this.#objects.variants, addresses: this.#addresses }, exchange, target);
    const borrowed = this.#objects.take(asked.name);
    if (borrowed === undefined) return relay(request, response);
    const answering = this.#answer(asked, borrowed);
    return answering === 'not with this' ? relay(request, response) : answering;
  }

  #answer(asked: Asked, borrowed: Borrowed): void | Promise<void> | 'not with this' {
    const { object } = borrowed;
    const now = this.#tools.now();
    const isUsable = object.phase === 'complete' && useOf(object.head.freshness, asked.wishes, now) === 'fresh';
    const ttl = Math.ceil(freshForMs(object.head.freshness, now) / 1000);
    let later = false;
    try {
      if (!isUsable) return 'not with this';
      const delivered = deliverObject({ asked, object, status: { hit: true, ttl }, tools: this.#tools });
      if (!(delivered instanceof Promise)) return undefined;
      later = true;
      return delivered.then(() => undefined).finally(() => this.#objects.giveBack(borrowed));
    } finally {
      if (!later) this.#objects.giveBack(borrowed);
    }
  }
}
