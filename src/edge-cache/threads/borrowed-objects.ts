import { CachedObject } from '../memory/cached-object.js';
import { newestOf } from '../newest-variant.js';
import { onceOnly } from '../semantics/once-only.js';
import { VariantIndex } from '../variant-index.js';
import type { LoanMessage } from './loan-messages.js';
import type { LoanTable } from './loan-table.js';

/** An object of the owner's, pinned from `take` to `giveBack`. */
export interface Borrowed {
  readonly object: CachedObject;
  readonly place: number;
  readonly generation: number;
  /** It is for everybody, but its address has variants, too. */
  readonly isBesideVariants: boolean;
}

/** What a thread has been lent, by name. Bounded by the places of the table. */
export class BorrowedObjects {
  /** Where answers vary on different fields, one is taken only if all that a request could select are here: else the newest may not be. */
  readonly variants = new VariantIndex({
    has: (name) => this.#lent(name) !== undefined,
    choose: (names) => {
      const unknown = names.find((name) => this.#lent(name) === undefined);
      return unknown ?? newestOf(names.map((name) => this.#lent(name)?.object))?.key ?? (names[0] as string);
    },
  });
  readonly #table: LoanTable;
  readonly #byName = new Map<string, Borrowed>();
  /** Also those whose loan has ended, and whose readers have not left. */
  readonly #byPlace = new Map<number, Borrowed>();

  constructor(table: LoanTable) {
    this.#table = table;
  }

  /** What was lent; null: nothing was. */
  told(message: LoanMessage): Borrowed | null {
    const { place, generation } = message;
    if (message.kind === 'lent') {
      const { name, bytes, varies } = message;
      // Each came with texts of its own.
      const head = { ...message.head, headers: message.head.headers.map(([field, value]) => onceOnly(field, value)) };
      const object = CachedObject.whole(name, head, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      const borrowed = { object, place, generation, isBesideVariants: varies?.key === name };
      this.variants.set(varies ?? { key: name, lists: [] });
      this.#byName.set(name, borrowed);
      this.#byPlace.set(place, borrowed);
      return borrowed;
    }
    const borrowed = this.#byPlace.get(place);
    if (borrowed?.generation !== generation) return null;
    const { object } = borrowed;
    if (this.#byName.get(object.key) === borrowed) this.#byName.delete(object.key);
    if (message.kind === 'cut') object.fail();
    return null;
  }

  /** Held until `giveBack`. Counts as a use. */
  take(name: string): Borrowed | undefined {
    const borrowed = this.#byName.get(name);
    // Which of them is meant is no longer known here.
    if (borrowed?.isBesideVariants && this.variants.variationsOf(name) === null) return undefined;
    if (borrowed === undefined || this.hold(borrowed)) return borrowed;
    this.#byName.delete(name);
    return undefined;
  }

  /** False: its loan has ended. */
  hold({ place, generation }: Borrowed): boolean {
    this.#table.pin(place);
    if (this.#table.generation(place) === generation) {
      this.#table.countUse(place);
      return true;
    }
    this.#table.unpin(place);
    return false;
  }

  #lent(name: string): Borrowed | undefined {
    const borrowed = this.#byName.get(name);
    return borrowed && this.#table.generation(borrowed.place) === borrowed.generation ? borrowed : undefined;
  }

  giveBack({ place }: Borrowed): void {
    this.#table.unpin(place);
  }
}
