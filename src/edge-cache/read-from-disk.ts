/** The step between memory and the shared fetch: what a request selects is brought from disk into memory. */

import type { DiskTier } from './disk/disk-tier.js';
import type { Asked } from './exchange.js';
import { type CachedObject, holdForTurn } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import type { VariantIndex } from './variant-index.js';

/** What is asked of the disk tier. */
export type Disks = Pick<DiskTier, 'has' | 'read'>;

interface Tiers {
  readonly tier: MemoryTier;
  readonly variants: VariantIndex;
}

/** `whole` resolves when all of the object is there, or that has failed. */
interface Brought {
  readonly object: CachedObject;
  readonly whole: Promise<void>;
}

/** Null: it is not there, or cannot be read. Never rejects. */
export async function readFromDisk(disk: Disks, { tier, variants }: Tiers, asked: Asked): Promise<Brought | null> {
  const found = await disk.read(asked.name, tier);
  if (found === null || found.kind === 'object') return found;
  // Only now is it known on what the answer varies.
  const name = variants.restore(asked, found.lists, asked.headers());
  const kept = tier.get(name);
  if (kept !== undefined) {
    holdForTurn(kept);
    return { object: kept, whole: Promise.resolve() };
  }
  const varied = name === asked.name ? null : await disk.read(name, tier);
  return varied?.kind === 'object' ? varied : null;
}
