import { afterAll, expect, it } from 'vitest';
import { cleanUp, newFolder, type TestBox, until } from '../box.js';
import { metricsOf, startEdge } from '../edge-process.js';
import { SmallDisk } from '../faulty-store.js';
import { askKnown } from './known-answer.js';
import { KnownOrigin } from './known-origin.js';

const disk = SmallDisk.mount(newFolder(), 24);
if (disk === null) process.stderr.write('a full cache disk is not tested: no file system may be mounted here\n');

afterAll(async () => {
  disk?.unmount();
  await cleanUp();
});

const objectBytes = 300_000;

it.skipIf(disk === null)(
  'a cache disk that is full: served from memory, said so, and used again when there is room',
  async () => {
    if (disk === null) return;
    const origin = await KnownOrigin.open();
    const data = newFolder();
    // Larger than the file system is: it is that which says no.
    const cache = ['--cache-memory', '128MiB', '--cache-disk', `${disk.folder}:200MiB`];
    const edge = await startEdge(origin.url, cache, data);
    const first = await asked(edge, 'before', 8);
    await until(
      async () => (await written(edge)) > 8 * objectBytes,
      30_000,
      () => 'nothing is written',
    );
    disk.fill();

    // More than the disk has left, though nothing says when it is tried.
    const rest = await asked(edge, 'full', 30);
    await until(
      async () => (await mayWrite(edge)) === 0,
      30_000,
      () => 'a full disk is not noticed',
    );
    expect(edge.printed()).toMatch(/edge-cache\.disk-/);
    for (const path of [...first, ...rest]) {
      const again = await askKnown(edge.http, path);
      expect(again).toMatchObject({ how: 'whole', status: 200, cacheStatus: expect.stringContaining('; hit') });
    }

    disk.free();
    const later: string[] = [];
    const worksAgain = async () => {
      later.push(...(await asked(edge, `later${later.length}`, 1)));
      return (await mayWrite(edge)) === 1;
    };
    await until(worksAgain, 60_000, () => 'it is not tried again', 250);
    expect(await edge.kill('SIGTERM')).toBe(0);

    const next = await startEdge(origin.url, cache, data);
    const kept = [];
    for (const path of [...first, ...rest, ...later]) {
      const ended = await askKnown(next.http, path, { headers: { 'cache-control': 'only-if-cached' } });
      if (ended.how === 'whole' && ended.status === 200) kept.push(path);
    }
    expect(kept).toEqual(expect.arrayContaining(first));
    expect(kept).toContain(later.at(-1));
    expect(await next.kill('SIGTERM')).toBe(0);
    await origin.die();
  },
);

async function asked(edge: TestBox, name: string, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, n) => `/${name}/${n}/${objectBytes}`);
  for (const path of paths) expect(await askKnown(edge.http, path)).toMatchObject({ how: 'whole', status: 200 });
  return paths;
}

const written = async (edge: TestBox) => (await metricsOf(edge)).sum('edge_disk_written_bytes_total');
const mayWrite = async (edge: TestBox) => (await metricsOf(edge)).sum('edge_disk_up', { for: 'writes' });
