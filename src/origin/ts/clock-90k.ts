/** Times in a transport stream count 90 kHz in 33 bits, and come round after 26.5 hours (ISO/IEC 13818-1 §2.4.3.6). */
const WRAP = 2 ** 33;

/** Ticks of 90 kHz, not yet wrapped. `time` in ticks of `timescale`. */
export function to90k(time: number, timescale: number): number {
  return Math.round((time / timescale) * 90_000);
}

/** What is written: 0 to 2^33 - 1, for any whole number. */
export function wrapped(ticks: number): number {
  return ((ticks % WRAP) + WRAP) % WRAP;
}
