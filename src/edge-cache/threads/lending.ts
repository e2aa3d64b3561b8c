/**
 * The owner's side of lending: what is hit is lent to the threads that have doors, which then answer with it themselves, from the same memory. Each loan
 * ends when the object leaves memory, or its head is no longer what was lent.
 *
 * Bounded by its places. Lives as long as the edge.
 */
import type { EdgeMetrics } from '../edge-metrics.js';
import type { CachedObject, Loan } from '../memory/cached-object.js';
import { variationOf } from '../variant-index.js';
import type { BorrowerStart, LoanMessage } from './loan-messages.js';
import { LoanTable } from './loan-table.js';

const placesMax = 65_536;
/** How often it looks whether those that still read have left, and what the threads have counted. */
const lookMs = 100;
const bytesOfCounts = 16;

interface Ended {
  readonly place: number;
  readonly idle: () => void;
}

export class Lending {
  readonly #metrics: Pick<EdgeMetrics, 'hitElsewhere'>;
  readonly #addresses: BorrowerStart['addresses'];
  readonly #table = LoanTable.make(placesMax);
  readonly #free = Array.from({ length: placesMax }, (_, at) => placesMax - 1 - at);
  /** Of addresses that vary, what is lent. */
  readonly #varied = new Map<string, Set<CachedObject>>();
  readonly #counts: { readonly shared: SharedArrayBuffer; seen: readonly [hits: number, bytes: number] }[] = [];
  readonly #timer: NodeJS.Timeout;
  #ended: Ended[] = [];
  readonly #told: ((message: LoanMessage) => void)[] = [];

  /** @param addresses which rules they follow. */
  constructor(metrics: Pick<EdgeMetrics, 'hitElsewhere'>, addresses: BorrowerStart['addresses']) {
    this.#metrics = metrics;
    this.#addresses = addresses;
    this.#timer = setInterval(() => this.#look(), lookMs);
    this.#timer.unref();
  }

  /** What one more thread is to be started with. */
  borrower(clock: BorrowerStart['clock'] = null): BorrowerStart {
    const counts = new SharedArrayBuffer(bytesOfCounts);
    this.#counts.push({ shared: counts, seen: [0, 0] });
    return { loans: this.#table.shared, places: placesMax, counts, addresses: this.#addresses, clock };
  }

  /** Borrowers are there, before anything was lent: `tell` reaches them. */
  begin(tell: (message: LoanMessage) => void): void {
    this.#told.push(tell);
  }

  /** It was hit here; the next one may be answered where it comes in. */
  lend(object: CachedObject): void {
    if (object.loan !== null || object.phase !== 'complete') return;
    const bytes = object.view(0, object.filled);
    if (!(bytes.buffer instanceof SharedArrayBuffer)) return;
    const place = this.#free.pop();
    if (place === undefined) return;
    const generation = this.#table.generation(place);
    this.#table.forgetUses(place);
    const { key: name, head } = object;
    const varies = variationOf(name);
    object.loan = this.#loan(object, place, generation, varies?.key ?? null);
    this.#tell({ kind: 'lent', place, generation, name, head, bytes, varies });
  }

  /** What an address varied on is out of date: nothing of it may be answered any more. */
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

  /** What the threads have answered up to now. */
  count(): void {
    for (const counts of this.#counts) {
      const [hits = 0, bytes = 0] = new Float64Array(counts.shared);
      this.#metrics.hitElsewhere(hits - counts.seen[0], bytes - counts.seen[1]);
      counts.seen = [hits, bytes];
    }
  }

  #look(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const each of ended) this.#whenIdle(each);
    this.count();
  }
}
