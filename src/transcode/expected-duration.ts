/**
 * Whether everything that a file promised was there. Pure.
 *
 * ffmpeg ends with success on a file that was cut short: it encodes what it finds. So what came out is compared with
 * what the container said.
 */

/** Honest files miss a little: the last frame's duration, an encoder's priming, a container that rounds. */
const TOLERANCE_SEC = 0.5;
/** In long files the promise itself is coarser (clock drift between streams, a header written by a camera), within bounds. */
const TOLERANCE_RATIO = 0.02;
const TOLERANCE_MAX_SEC = 10;

/** Null when `gotSec` is as much as `expectedSec` promises; else the reason, in words. More than promised is fine. */
export function missingPart(expectedSec: number, gotSec: number): string | null {
  const tolerance = Math.max(TOLERANCE_SEC, Math.min(TOLERANCE_MAX_SEC, expectedSec * TOLERANCE_RATIO));
  if (gotSec >= expectedSec - tolerance) return null;
  return `only ${gotSec.toFixed(1)} s of ${expectedSec.toFixed(1)} s could be read: the file is truncated or damaged`;
}
