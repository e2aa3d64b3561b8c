/** Rates that cameras and encoders make; a measured rate within 1% of one is that one. */
const USUAL_RATES = [10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120];
const INTERVALS_MIN = 5;

/** Frames per second from decode times in ms, or null where there are too few to say. */
export function measureFrameRate(times: readonly number[]): number | null {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined || times.length <= INTERVALS_MIN || last <= first) return null;
  const rate = ((times.length - 1) * 1000) / (last - first);
  if (rate < 1 || rate > 300) return null;
  const usual = USUAL_RATES.find((candidate) => Math.abs(candidate - rate) / candidate < 0.01);
  return usual ?? Math.round(rate * 100) / 100;
}
