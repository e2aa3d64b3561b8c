/** Where a publisher begins: enough for a fair picture within the first second. */
const START_BPS = 2_000_000;
const FLOOR_BPS = 150_000;
const GROWTH_AT_FIRST = 1.3;
const GROWTH_AFTER_LOSS = 1.08;
/** Shares of lost packets below which the ceiling rises and above which it falls, as senders' own controls have them. */
const FEW = 0.02;
const MANY = 0.1;

/**
 * What the sender is told it may send (REMB): rises quickly until packets are lost for the first time, slowly after, and
 * falls with heavy loss. The sender's own control stays below it as it sees fit.
 *
 * Lifetime: one session; `update` is called once a second.
 */
export class BitrateCeiling {
  readonly #max: number;
  #bps: number;
  #growth = GROWTH_AT_FIRST;

  constructor(maxBps: number) {
    this.#max = Math.max(FLOOR_BPS, maxBps);
    this.#bps = Math.min(START_BPS, this.#max);
  }

  get bps(): number {
    return this.#bps;
  }

  /** `lossRatio`, 0 to 1, and `receivedBps`: since the last update. */
  update(lossRatio: number, receivedBps: number): void {
    if (lossRatio > MANY) this.#fall(lossRatio, receivedBps);
    else if (lossRatio < FEW) this.#bps = Math.min(this.#max, this.#bps * this.#growth);
  }

  /** From what arrives rather than from what was allowed, as the two may be far apart. */
  #fall(lossRatio: number, receivedBps: number): void {
    this.#growth = GROWTH_AFTER_LOSS;
    const sent = receivedBps / (1 - Math.min(0.9, lossRatio));
    const from = sent > 0 ? Math.min(this.#bps, sent) : this.#bps;
    this.#bps = Math.max(FLOOR_BPS, from * (1 - lossRatio / 2));
  }
}
