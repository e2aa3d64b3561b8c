/** The purges of an edge, with their door and what they follow. Lives as long as the edge. */
import { join } from 'node:path';
import type { AddressRules } from '../address-rules.js';
import type { DiskTier } from '../disk/disk-tier.js';
import type { Upstream } from '../upstream/upstream.js';
import type { PurgeDoor } from './purge-door.js';
import { PurgeFollower } from './purge-follower.js';
import { PurgeJournal } from './purge-journal.js';
import { type PurgedSpace, Purges } from './purges.js';

export interface PurgingOptions {
  /** Whoever has it may purge; null: nobody. */
  readonly token: string | null;
  /** Where this edge's purges are kept, and how far it has followed its upstream's; null: in memory alone. */
  readonly folder: string | null;
  /** The upstream is an edge, whose purges are carried out here too. */
  readonly follow: boolean;
}

export interface Purging {
  readonly door: PurgeDoor;
  /** Lets go of those who wait for the next purge. */
  drain(): void;
  close(): Promise<void>;
}

/** Throws where its folder can't be written. */
export function openPurging(
  space: PurgedSpace & {
    readonly addresses: AddressRules;
    readonly held: Pick<Upstream, 'fetch'>;
    readonly disk: Pick<DiskTier, 'judgeBy'> | null;
  },
  { token, folder, follow }: PurgingOptions,
): Purging {
  const fileOf = (name: string) => (folder === null ? null : join(folder, name));
  const purges = new Purges(space, new PurgeJournal(fileOf('purges.jsonl'), space.now()));
  space.disk?.judgeBy((name, head) => purges.judge(name, head));
  const path = fileOf('followed.json');
  const follower = follow ? new PurgeFollower({ upstream: space.held, purges, path, log: space.log }) : null;
  follower?.start();
  return {
    door: { purges, addresses: space.addresses, token },
    drain: () => purges.drain(),
    close: async () => {
      await follower?.close();
      purges.close();
    },
  };
}
