/** Mulberry32: [0, 1), the same for the same seed. */
export function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws a rank from 0 on; rank r comes in proportion to 1 / (r + 1)^alpha. */
export function zipf(count, alpha, random) {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -alpha;
    sums[rank] = sum;
  }
  return () => firstAbove(sums, random() * sum);
}

/** The first index whose sum is larger. */
export function firstAbove(sums, wanted) {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Evenly on a scale of ratios. */
export const between = (low, high, random) => Math.floor(low * (high / low) ** random());
