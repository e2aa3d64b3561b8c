/**
 * Which names were fetched before, for some hundred thousand fetches: two Bloom filters, of which the older goes when the newer is full.
 *
 * Bounded: 1 MiB. Lives as long as the disk tier; empty at every start.
 */
import type { NameHash } from './name-hash.js';

const bits = 2 ** 22;
/** Ten bits a name and four of them set: one name in eighty is taken for one that was seen. */
const namesMax = Math.floor(bits / 10);
const probes = 4;

export class SeenNames {
  #newer = new Uint32Array(bits / 32);
  #older = new Uint32Array(bits / 32);
  #names = 0;

  /** Whether it was seen before; from here on it was. */
  see(hash: NameHash): boolean {
    if (includes(this.#newer, hash)) return true;
    const seen = includes(this.#older, hash);
    if (this.#names >= namesMax) this.#turn();
    this.#names += 1;
    for (let probe = 0; probe < probes; probe += 1) {
      const bit = bitOf(hash, probe);
      this.#newer[bit >>> 5] = (this.#newer[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
    return seen;
  }

  #turn(): void {
    const oldest = this.#older;
    this.#older = this.#newer;
    this.#newer = oldest.fill(0);
    this.#names = 0;
  }
}

function includes(filter: Uint32Array, hash: NameHash): boolean {
  for (let probe = 0; probe < probes; probe += 1) {
    const bit = bitOf(hash, probe);
    if (((filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

const bitOf = ({ low, high }: NameHash, probe: number): number => (low + Math.imul(probe, high | 1)) & (bits - 1);
