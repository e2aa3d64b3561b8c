/** What SRT publishers may cost. */
export interface SrtLimits {
  readonly connectionsMax: number;
  /** A publisher from whom no frame comes for this long is cut. Time that we made it wait doesn't count. */
  readonly idleMs: number;
  /** The least delay that lost packets get to come again. The publisher may ask for more. */
  readonly latencyMs: number;
  /** How long callers with a key that was refused are rejected without being asked about again. */
  readonly refusedMs: number;
  /** Before the listener's process is started again: doubled from the first to the last while it keeps dying. */
  readonly restartMsFirst: number;
  readonly restartMsMax: number;
}

export const DEFAULT_SRT_LIMITS: SrtLimits = {
  connectionsMax: 200,
  idleMs: 15_000,
  latencyMs: 200,
  refusedMs: 2000,
  restartMsFirst: 100,
  restartMsMax: 5000,
};
