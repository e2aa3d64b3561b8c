/** The two lists of an HEVC sequence parameter set that must be read through to reach what stands behind them. */
import { type BitReader, OutOfBits } from './bit-reader.js';

const SHORT_TERM_SETS_MAX = 64;
/** A set names at most the pictures that the decoded picture buffer holds (§A.4.2). */
const SET_PICTURES_MAX = 16;

/** scaling_list_data(), ITU-T H.265 §7.3.4. */
export function readScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.unsignedGolomb();
        continue;
      }
      const coefficients = Math.min(64, 1 << (4 + (size << 1)));
      for (let read = size > 1 ? -1 : 0; read < coefficients; read++) bits.signedGolomb();
    }
  }
}

/** The short-term reference picture sets: each may be told by its difference from the one before (§7.3.7 and §7.4.8). */
export function readShortTermSets(bits: BitReader): void {
  const count = bits.unsignedGolomb();
  if (count > SHORT_TERM_SETS_MAX) throw new OutOfBits();
  let pictures = 0;
  for (let set = 0; set < count; set++) {
    pictures = set > 0 && bits.flag() ? readPredictedSet(bits, pictures) : readExplicitSet(bits);
  }
}

/** The answer is how many pictures the new set names: those of the set before (and that set's own) that are used or kept. */
function readPredictedSet(bits: BitReader, before: number): number {
  bits.skip(1);
  bits.unsignedGolomb();
  let pictures = 0;
  for (let picture = 0; picture <= before; picture++) {
    if (bits.flag() || bits.flag()) pictures++;
  }
  return pictures;
}

function readExplicitSet(bits: BitReader): number {
  const pictures = bits.unsignedGolomb() + bits.unsignedGolomb();
  if (pictures > SET_PICTURES_MAX) throw new OutOfBits();
  for (let picture = 0; picture < pictures; picture++) {
    bits.unsignedGolomb();
    bits.skip(1);
  }
  return pictures;
}
