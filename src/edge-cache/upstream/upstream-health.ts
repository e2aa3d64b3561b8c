/**
 * Whether one upstream may be asked, from how its answers and its probes went, by a clock that is handed in.
 *
 * Phases: in service → (too many failures in a row) → out for a time, which doubles each time up to a bound
 *         → on trial (asked for one head at a time; one more failure: out again) → (a good answer) → in service.
 * Failing probes take it out beside that, until enough of them are good again. Whoever comes back starts slowly.
 */
export interface HealthLimits {
  /** Failures in a row that take it out. */
  readonly failuresMax: number;
  /** How long it is out for the first time, and at most, ms. */
  readonly outMs: number;
  readonly outMsMax: number;
  /** The time in which one that is back comes to its full weight, ms; 0: at once. */
  readonly slowStartMs: number;
}

/** Probes in a row that take it out, and that bring it back. */
const badProbes = 3;
const goodProbes = 2;
/** The part of its weight that one that is back begins with. */
const firstShare = 0.1;

const nothing = (): void => undefined;

export class UpstreamHealth {
  readonly #limits: HealthLimits;
  readonly #now: () => number;
  #failures = 0;
  #outSince = Number.NEGATIVE_INFINITY;
  #outUntil = Number.NEGATIVE_INFINITY;
  #timesOut = 0;
  #onTrial = false;
  #trialUnderWay = false;
  #failsProbes = false;
  /** Probes in a row that say the opposite of `#failsProbes`. */
  #contrary = 0;
  #backAt = Number.NEGATIVE_INFINITY;

  /** @param now steady, ms */
  constructor(limits: HealthLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get isOut(): boolean {
    return this.#failsProbes || this.#now() < this.#outUntil;
  }

  /** It may be asked now: one on trial may hang, and must not have many requests hang with it. */
  get isReady(): boolean {
    return !this.isOut && !(this.#onTrial && this.#trialUnderWay);
  }

  /** In service, and it has answered since it was out. */
  get isProven(): boolean {
    return !this.#onTrial && !this.isOut;
  }

  /** The part of its weight that counts now, above 0. */
  get share(): number {
    const { slowStartMs } = this.#limits;
    const backMs = this.#now() - this.#backAt;
    if (backMs >= slowStartMs) return 1;
    return firstShare + (1 - firstShare) * (Math.max(0, backMs) / slowStartMs);
  }

  /** It is asked. Call what this returns when the head has come, or will not. */
  asked(): () => void {
    if (!this.#onTrial || this.#trialUnderWay) return nothing;
    this.#trialUnderWay = true;
    return () => {
      this.#trialUnderWay = false;
    };
  }

  /** @returns true when this took it out. `mayLeave` is asked only then. */
  failed(askedAt: number, mayLeave: () => boolean): boolean {
    // What was asked before it went out says nothing of how it is now.
    if (this.isOut || askedAt < this.#outSince) return false;
    this.#failures += 1;
    if (this.#failures < (this.#onTrial ? 1 : this.#limits.failuresMax) || !mayLeave()) return false;
    this.#leave();
    return true;
  }

  /** @returns true when this brought it back. */
  succeeded(askedAt: number): boolean {
    if (askedAt < this.#outSince) return false;
    this.#failures = 0;
    if (!this.#onTrial) return false;
    this.#onTrial = false;
    const now = this.#now();
    // It was asked all the same, since no other was left.
    if (now < this.#outUntil) [this.#outUntil, this.#backAt] = [now, now];
    return true;
  }

  /** @returns true when this took it out or brought it back. */
  probed(good: boolean): boolean {
    this.#contrary = good === this.#failsProbes ? this.#contrary + 1 : 0;
    if (this.#contrary < (good ? goodProbes : badProbes)) return false;
    this.#contrary = 0;
    this.#failsProbes = !good;
    if (good) this.#backAt = Math.max(this.#backAt, this.#now());
    return true;
  }

  /** How long it is still out for its failures, ms. */
  get outForMs(): number {
    return Math.max(0, this.#outUntil - this.#now());
  }

  #leave(): void {
    const { outMs, outMsMax } = this.#limits;
    const now = this.#now();
    // One that was well for long begins anew.
    this.#timesOut = now - this.#backAt > outMsMax ? 1 : this.#timesOut + 1;
    this.#outSince = now;
    this.#outUntil = now + Math.min(outMsMax, outMs * 2 ** (this.#timesOut - 1));
    this.#backAt = this.#outUntil;
    this.#onTrial = true;
    this.#failures = 0;
  }
}
