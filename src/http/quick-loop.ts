/** A turn of the event loop this short has done next to nothing. */
const quickMs = 0.2;
/** So long is waited for one. */
const patienceMs = 1000;

/** Calls back after a turn of the event loop so short that what came in before it has been taken, and next to nothing since. */
export function whenLoopIsQuick(act: () => void): void {
  const end = performance.now() + patienceMs;
  let before = Number.NEGATIVE_INFINITY;
  const turn = () => {
    const now = performance.now();
    if (now - before < quickMs || now > end) {
      act();
      return;
    }
    before = performance.now();
    setImmediate(turn);
  };
  setImmediate(turn);
}
