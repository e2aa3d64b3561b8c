import type { StoredHead } from '../memory/cached-object.js';
import type { Variations } from '../variant-index.js';

/** What the owner of the memory tells the threads that have doors. */
export type LoanMessage =
  /** A whole object, to be read under its name as long as its place has this generation. `bytes` lie in shared memory. */
  | {
      readonly kind: 'lent';
      readonly place: number;
      readonly generation: number;
      readonly name: string;
      readonly head: StoredHead;
      readonly bytes: Uint8Array;
      /** On what its address varies: null: on nothing. */
      readonly varies: Variations | null;
    }
  | { readonly kind: 'ended'; readonly place: number; readonly generation: number }
  /** Its memory is needed: who still reads it is to be cut. */
  | { readonly kind: 'cut'; readonly place: number; readonly generation: number };
