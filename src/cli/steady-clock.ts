/**
 * Epoch milliseconds that no step of the system's clock moves: the wall clock as it was when the process started, counted on
 * monotonically. Broadcasts are dated by it and players are told it, so that the two agree whatever the system's clock does;
 * a correction of that clock shows with the next start.
 */
export const steadyNow = (): number => Math.round(performance.timeOrigin + performance.now());
