import { randomUUID } from 'node:crypto';
import type { Entry, EntryData, EntryType } from './entries.js';

/**
 * Stamps a proposal with an id and a time. Give `id` where the same proposal may be made twice (a retry after an unknown
 * outcome, two nodes that see the same thing): it then counts once.
 */
export function newEntry<T extends EntryType>(
  type: T,
  data: EntryData<T>,
  stamp: { readonly id?: string; readonly at?: number } = {},
): Entry<T> {
  const entry = { id: stamp.id ?? randomUUID(), v: 1, type, at: stamp.at ?? Date.now(), data };
  return entry as unknown as Entry<T>;
}
