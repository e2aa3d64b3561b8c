import type { HttpRequest, HttpResponse } from '../http/server.js';
import type { EdgeMetrics } from './edge-metrics.js';
import type { RangeAsked } from './semantics/byte-range.js';
import type { Conditions } from './semantics/conditional.js';
import type { HeaderPairs } from './semantics/header-fields.js';
import type { Wishes } from './semantics/request-wishes.js';
import type { VariantAsked } from './variant-index.js';

/** One request and its answer on their way through the edge. Lives from the handler's call to the end of the answer. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
}

/** A GET or HEAD of the cached space, as its first step read it. */
export interface Asked extends Exchange, VariantAsked {
  readonly isHead: boolean;
  /** The address: what is invalidated together. */
  readonly key: string;
  /** An address of our own origin's media. */
  readonly media: boolean;
  /** The origin may hold its answer back. */
  readonly held: boolean;
  /** The address and the variant that this request selects. */
  readonly name: string;
  /** Null: the whole is asked for. */
  readonly ranges: readonly RangeAsked[] | null;
  readonly conditions: Conditions;
  readonly wishes: Wishes;
  /** What goes upstream for everybody; worked out when first asked for, since a hit seldom needs it. */
  readonly headers: () => HeaderPairs;
}

/** What every step may use. */
export interface Tools {
  readonly metrics: Pick<EdgeMetrics, 'request' | 'served'>;
  readonly now: () => number;
}
