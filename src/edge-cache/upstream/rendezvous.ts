/**
 * Which of several servers is asked for an address: always the same one, while it is there and not overloaded. Pure.
 *
 * Weighted rendezvous hashing: each server draws a number for the address, and the highest wins. When a server leaves, only its
 * own addresses move, to all others; when one comes or gains weight, it gains addresses, and no other does. The load is bounded
 * on top (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads"): who has its share in hand already is
 * passed over.
 */
export interface Candidate {
  /** `seedOf` its name. */
  readonly seed: number;
  /** Above 0. */
  readonly weight: number;
  /** Requests that it has in hand. */
  readonly underWay: number;
}

/** No server has more than so many times its fair share in hand… */
const loadFactor = 1.25;
/** …but few are no load: up to here a server keeps its addresses, whatever the others have. */
const loadFloor = 16;

/** Null only where there is no candidate. */
export function chooseServer<Server extends Candidate>(key: string, candidates: readonly Server[]): Server | null {
  const [only, ...others] = candidates;
  if (only === undefined || others.length === 0) return only ?? null;
  const hash = hashOf(key);
  const share = fairShare(candidates);
  let best: Server | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.underWay >= bound(candidate, share)) continue;
    const score = scoreOf(hash, candidate);
    if (score <= highest) continue;
    best = candidate;
    highest = score;
  }
  return best;
}

export function seedOf(name: string): number {
  return mixed(hashOf(name));
}

/** Requests for each unit of weight, with the one that is to be placed. */
function fairShare(candidates: readonly Candidate[]): number {
  let [weights, underWay] = [0, 1];
  for (const candidate of candidates) {
    weights += candidate.weight;
    underWay += candidate.underWay;
  }
  return underWay / weights;
}

/** The bounds together are more than what is under way, so that there is always a server below its own. */
function bound({ weight }: Candidate, share: number): number {
  return Math.max(loadFloor, Math.ceil(loadFactor * share * weight));
}

/** With these, a server wins with the probability of its part of all weights. */
function scoreOf(hash: number, { seed, weight }: Candidate): number {
  const drawn = (mixed(hash ^ seed) + 0.5) / 2 ** 32;
  return -weight / Math.log(drawn);
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** MurmurHash3's finalizer: every bit in changes half the bits out. */
function mixed(bits: number): number {
  let hash = bits ^ (bits >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
