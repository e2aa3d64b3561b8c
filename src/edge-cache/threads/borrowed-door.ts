import type { QuickAnswers } from '../../http/quick-answers.js';
import type { HttpHandler } from '../../http/server.js';
import { anyAddresses, boxAddresses } from '../address-rules.js';
import { deliverObject } from '../deliver.js';
import type { Asked } from '../exchange.js';
import { receive } from '../receive.js';
import { freshForMs } from '../semantics/freshness.js';
import { useOf } from '../semantics/request-wishes.js';
import { type Borrowed, BorrowedObjects } from './borrowed-objects.js';
import type { Lending } from './lending.js';
import type { BorrowerStart, LoanMessage } from './loan-messages.js';
import { LoanTable } from './loan-table.js';
import { QuickHits } from './quick-hits.js';

/** What is lent to the owner's own door, for the short way alone. */
export function lendHere(lending: Lending): QuickAnswers {
  const door = new BorrowedDoor(lending.borrower());
  lending.begin((message) => door.told(message));
  return door.quick;
}

/** A door's thread: answers what is a plain hit on something that it was lent, and relays everything else. */
export class BorrowedDoor {
  readonly #objects: BorrowedObjects;
  readonly #addresses: typeof boxAddresses;
  readonly #tools: Parameters<typeof deliverObject>[0]['tools'];
  readonly quick: QuickHits;

  constructor({ loans, places, counts, addresses, clock }: BorrowerStart) {
    this.#objects = new BorrowedObjects(new LoanTable(loans, places));
    this.#addresses = addresses === 'box' ? boxAddresses : anyAddresses;
    const counted = new Float64Array(counts);
    const count = (at: number, more: number) => {
      counted[at] = (counted[at] ?? 0) + more;
    };
    const metrics = { request: () => count(0, 1), served: (_from: string, bytes: number) => count(1, bytes) };
    const set = clock && new Float64Array(clock);
    this.#tools = { metrics, now: set === null ? Date.now : () => set[0] ?? 0 };
    this.quick = new QuickHits(this.#objects, this.#addresses, this.#tools);
  }

  told(message: LoanMessage): void {
    this.quick.told(message, this.#objects.told(message));
  }

  serve(relay: HttpHandler): HttpHandler {
    return (request, response) => {
      const { method } = request;
      const isPlain = (method === 'GET' || method === 'HEAD') && !request.hasBody;
      // Whether it has come round is for the owner to say.
      if (!isPlain || request.header('cdn-loop') !== undefined) return relay(request, response);
      const target = this.#addresses.target(request.path, request.query);
      if (target.kind === 'refused') return relay(request, response);
      const asked = receive(
        { variants: this.#objects.variants, addresses: this.#addresses },
        { request, response },
        target,
      );
      const borrowed = this.#objects.take(asked.name);
      if (borrowed === undefined) return relay(request, response);
      const answering = this.#answer(asked, borrowed);
      return answering === 'not with this' ? relay(request, response) : answering;
    };
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
