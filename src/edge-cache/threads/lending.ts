/**
 * The owner's side of lending: what is hit is lent to the threads that have doors, which then answer with it themselves, from the same memory. Each loan
 * ends when the object leaves memory, or its head is no longer what was lent.
 *
 * Bounded by its places: where all are taken, a hand goes round (once in half a minute), and loans that were not used since it last came by end. Lives as
 * long as the edge.
 */
import type { CachedObject, Loan } from '../memory/cached-object.js';
import type { VariantIndex } from '../variant-index.js';
import type { LoanMessage } from './loan-messages.js';
import { LoanTable } from './loan-table.js';

const placesDefault = 65_536;
/** The part of all places that the hand passes at a time. */
const handPart = 1 / 256;
/** How often it looks whether those that still read have left, and the hand goes on. */
const lookMs = 100;

interface Ended {
  readonly place: number;
  readonly idle: () => void;
}

export class Lending {
  readonly #table: LoanTable;
  readonly #free: number[];
  /** Of addresses that vary, what is lent. */
  readonly #varied = new Map<string, Set<CachedObject>>();
  readonly #variants: Pick<VariantIndex, 'variationsOf'>;
  readonly #timer: NodeJS.Timeout;
  #ended: Ended[] = [];
  readonly #told: ((message: LoanMessage) => void)[] = [];
  /** What is lent now, by place. */
  readonly #lent = new Map<number, { readonly object: CachedObject; readonly message: LoanMessage }>();
  /** The next place to be looked at. */
  #hand = 0;

  /** @param variants says on what an address varies. */
  constructor(variants: Pick<VariantIndex, 'variationsOf'>, places = placesDefault) {
    this.#variants = variants;
    this.#table = LoanTable.make(places);
    this.#free = Array.from({ length: places }, (_, at) => places - 1 - at);
    this.#timer = setInterval(() => this.#look(), lookMs);
    this.#timer.unref();
  }

  /** What borrowers know of the loans. */
  get places(): { readonly loans: SharedArrayBuffer; readonly places: number } {
    return { loans: this.#table.shared, places: this.#table.places };
  }

  /** Borrowers are there: `tell` reaches them. To nobody nothing is lent. */
  begin(tell: (message: LoanMessage) => void): void {
    this.#told.push(tell);
    for (const { message } of this.#lent.values()) tell(message);
  }

  /** It was hit here; the next one may be answered where it comes in. */
  lend(object: CachedObject): void {
    if (this.#told.length === 0 || object.loan !== null || object.phase !== 'complete') return;
    const bytes = object.view(0, object.filled);
    if (!(bytes.buffer instanceof SharedArrayBuffer)) return;
    const place = this.#free.pop();
    if (place === undefined) return;
    const generation = this.#table.generation(place);
    this.#table.startAnew(place);
    const { key: name, head } = object;
    const varies = this.#variants.variationsOf(name);
    object.loan = this.#loan(object, place, generation, varies?.key ?? null);
    const message = { kind: 'lent', place, generation, name, head, bytes, varies } as const;
    this.#lent.set(place, { object, message });
    this.#tell(message);
  }

  /** What requests for an address select has changed: nothing of it may be answered any more. */
  endVariants(key: string): void {
    for (const object of this.#varied.get(key) ?? []) object.endLoan();
  }

  #tell(message: LoanMessage): void {
    for (const tell of this.#told) tell(message);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #loan(object: CachedObject, place: number, generation: number, varied: string | null): Loan {
    if (varied !== null) this.#varied.set(varied, (this.#varied.get(varied) ?? new Set()).add(object));
    const table = this.#table;
    return {
      get uses() {
        return table.uses(place);
      },
      forgetUses: () => table.forgetUses(place),
      end: (idle) => {
        table.endGeneration(place);
        this.#lent.delete(place);
        this.#tell({ kind: 'ended', place, generation });
        if (varied !== null) this.#forgetVaried(varied, object);
        this.#whenIdle({ place, idle });
      },
      cut: () => this.#tell({ kind: 'cut', place, generation }),
    };
  }

  #forgetVaried(key: string, object: CachedObject): void {
    const objects = this.#varied.get(key);
    objects?.delete(object);
    if (objects?.size === 0) this.#varied.delete(key);
  }

  #whenIdle(ended: Ended): void {
    if (this.#table.isPinned(ended.place)) {
      this.#ended.push(ended);
      return;
    }
    this.#free.push(ended.place);
    ended.idle();
  }

  #look(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const each of ended) this.#whenIdle(each);
    if (this.#free.length === 0) this.#moveHand();
  }

  /** What is asked for from now on finds places, whatever was asked for once. */
  #moveHand(): void {
    const { places } = this.#table;
    for (let left = Math.ceil(places * handPart); left > 0; left -= 1) {
      if (!this.#table.takeNews(this.#hand)) this.#lent.get(this.#hand)?.object.endLoan();
      this.#hand = (this.#hand + 1) % places;
    }
  }
}
