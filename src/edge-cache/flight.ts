/**
 * One shared upstream fetch, from before its request goes out until its last byte is in.
 *
 * Phases: asking (`landed` pending; whoever comes waits for it by event) → landed, and then, if it brought an object,
 * filling (whoever comes reads along) → over. The fetch belongs to no client: it goes on when the one that caused it has left.
 * But one that the upstream may hold for many seconds has a crew: it is let go when the last of them leaves before it landed.
 */
import type { HttpRequest } from '../http/server.js';
import type { EdgeFailure } from './failure.js';
import type { CachedObject } from './memory/cached-object.js';
import type { HeaderPairs } from './semantics/header-fields.js';
import type { UpstreamAnswer } from './upstream/upstream.js';

/** What a shared fetch brought to everybody that waited for it. */
export type Landing =
  /**
   * Read along. `kept`: it goes into the cache; otherwise it is shared with those that waited, and nobody else. `own`: fields for whoever
   * caused the fetch alone. `fwdStatus`: what the upstream answered, where that is not the object's own status.
   */
  | {
      readonly kind: 'object';
      readonly object: CachedObject;
      readonly kept: boolean;
      readonly own: HeaderPairs;
      readonly fwdStatus?: number;
    }
  /** The stale object was confirmed and is fresh again. */
  | { readonly kind: 'refreshed'; readonly object: CachedObject }
  /** Not to be shared: whoever caused the fetch may claim the answer, the others fetch for themselves. */
  | { readonly kind: 'unshared'; readonly reason: string; readonly status: number; readonly claim: Claim }
  | { readonly kind: 'failed'; readonly failure: EdgeFailure }
  /** Everybody has left. */
  | { readonly kind: 'deserted' };

/** Hands over the answer, once; whoever gets it must read or destroy its body. */
export type Claim = () => UpstreamAnswer | null;

/** If the answer is not claimed within this turn, it is given up. */
export function claimOnce(answer: UpstreamAnswer): Claim {
  let unclaimed: UpstreamAnswer | null = answer;
  const claim = () => {
    const given = unclaimed;
    unclaimed = null;
    return given;
  };
  setImmediate(() => claim()?.body.destroy());
  return claim;
}

export interface Flight {
  /** The name it is found under. */
  name: string;
  readonly landed: Promise<Landing>;
  /** What it fills, once landed. */
  object: CachedObject | null;
  /** Null where it goes on without anybody. */
  readonly crew: Crew | null;
  /** False once its address was invalidated: then what it brings must not be kept. */
  keep: boolean;
}

/** Those that wait for one flight to land. `onDeserted` is called once, when the last of them has left; `landed` ends that. */
export class Crew {
  #size = 0;
  #onDeserted: (() => void) | null;
  readonly #left = () => this.#leave();

  constructor(onDeserted: () => void) {
    this.#onDeserted = onDeserted;
  }

  /** Until the client has gone. */
  join(client: Pick<HttpRequest, 'gone' | 'onGone'>): void {
    if (client.gone) return;
    this.#size += 1;
    client.onGone(this.#left);
  }

  landed(): void {
    this.#onDeserted = null;
  }

  #leave(): void {
    this.#size -= 1;
    if (this.#size > 0) return;
    const onDeserted = this.#onDeserted;
    this.#onDeserted = null;
    onDeserted?.();
  }
}
