/** Objects, a memory and disks for tests. Real files in a new folder each. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { CachedObject, type StoredHead } from '../memory/cached-object.js';
import { DiskTier, type DiskTierOptions } from './disk-tier.js';

export const mebibyte = 1024 * 1024;

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'headwater-disk-'));

/** Fresh for an hour, if nothing else is said. */
export function headOf(now: number, lifetimeMs = 3_600_000): StoredHead {
  return {
    ...{ status: 200, headers: [['content-type', 'text/plain']], upstreamStatus: '', etag: '"1"', lastModified: null },
    date: now,
    freshness: {
      ...{ lifetimeMs, initialAgeMs: 0, receivedAt: now },
      stale: { forbidden: false, whileRevalidateMs: 0, ifErrorMs: null },
    },
  };
}

/** Everything that was put, by name, and no end of room. */
export class PlainMemory {
  readonly objects = new Map<string, CachedObject>();
  room = true;

  take(): boolean {
    return this.room;
  }

  giveBack(): void {
    return;
  }

  put(object: CachedObject): void {
    object.release();
    this.objects.set(object.key, object);
  }
}

export function objectOf(key: string, body: Uint8Array | string, head: StoredHead): CachedObject {
  const bytes = Buffer.from(body);
  const room = new PlainMemory();
  const object = CachedObject.open({ key, head, length: bytes.length, bytesMax: bytes.length, room });
  if (object === null) throw new Error('there is room');
  object.append(bytes);
  object.complete();
  return object;
}

/** What the disks bring of a name, as text; null: nothing. */
export async function bodyFrom(tier: DiskTier, name: string): Promise<string | null> {
  const found = await tier.read(name, new PlainMemory());
  if (found?.kind !== 'object') return null;
  await found.whole;
  const { object } = found;
  return object.phase === 'complete' ? Buffer.from(object.view(0, object.filled)).toString('latin1') : null;
}

export interface OpenedTier {
  readonly tier: DiskTier;
  readonly metrics: Metrics;
}

export async function openTier(
  folders: readonly string[],
  options: Partial<DiskTierOptions> & { readonly bytesMax?: number } = {},
): Promise<OpenedTier> {
  const metrics = new Metrics();
  const { bytesMax = 256 * mebibyte, ...rest } = options;
  const disks = folders.map((folder) => ({ folder, bytesMax }));
  const tier = await DiskTier.open({ disks, log: silentLog, metrics, ...rest });
  return { tier, metrics };
}

/** The value of a metric, its labels added up. */
export async function counted(metrics: Metrics, name: string, labels: Record<string, string> = {}): Promise<number> {
  const { values = [] } = (await metrics.registry.getSingleMetric(`headwater_${name}`)?.get()) ?? {};
  const wanted = values.filter((value) =>
    Object.entries(labels).every(([label, text]) => (value.labels as Record<string, unknown>)[label] === text),
  );
  return wanted.reduce((sum, { value }) => sum + value, 0);
}

export const segmentsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.segment'))
    .sort()
    .map((name) => join(folder, name));
