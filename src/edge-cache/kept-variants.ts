/** Which of the names that a request has, where answers of its address vary on different fields, is the one to look at. */
import type { KeptParts } from './kept-parts.js';
import type { LargeBodies } from './large-bodies.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { newestOf } from './newest-variant.js';
import type { Disks } from './read-from-disk.js';
import type { SharedFetches } from './shared-fetch.js';
import type { KeptVariants } from './variant-index.js';

interface Places {
  readonly tier: MemoryTier;
  readonly disk: Disks | null;
  readonly large: LargeBodies;
  readonly parts: KeptParts;
  /** It is made after this. */
  readonly fetches: () => Pick<SharedFetches, 'underWay'>;
}

/** The newest in memory; else what is somewhere, or on its way; else that of the list seen last. */
export function keptVariants({ tier, disk, large, parts, fetches }: Places): KeptVariants {
  const isSomewhere = (name: string): boolean =>
    fetches().underWay({ name, authorization: '' }) !== undefined ||
    disk?.has(name) === true ||
    large.get(name) !== undefined ||
    parts.of(name).length > 0;
  return {
    has: (name) => tier.has(name),
    choose: (names) =>
      newestOf(names.map((name) => tier.peek(name)))?.key ?? names.find(isSomewhere) ?? (names[0] as string),
  };
}
