import { open, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, newFolder, type TestBox } from '../box.js';
import { metricsOf, startEdge } from '../edge-process.js';
import { Random } from '../fuzz/random.js';
import { askKnown } from './known-answer.js';
import { KnownLoad } from './known-load.js';
import { KnownOrigin } from './known-origin.js';

const seed = 20_261_123;
const lives = 4;
const clients = 32;
/** Evenly on a scale of ratios: many small ones, and some that are kept in blocks (a sixteenth of the memory is 2 MiB). */
const paths = Array.from({ length: 300 }, (_, n) => `/object/${n}/${Math.round(1024 * 6144 ** (n / 299))}`);

afterAll(cleanUp);

const name = 'an edge that is killed again and again serves no wrong byte, before or after, nor from a damaged disk';

it(name, { timeout: 300_000 }, async () => {
  const random = new Random(seed);
  const origin = await KnownOrigin.open();
  const disk = newFolder();
  // With the folder of its state: what was purged, or might have been, is not taken from a disk.
  const data = newFolder();
  const start = () => startEdge(origin.url, ['--cache-memory', '32MiB', '--cache-disk', `${disk}:256MiB`], data);
  let written = 0;
  for (let life = 1; life <= lives; life += 1) {
    const edge = await start();
    const found = await onDisk(edge);
    // What a full batch before the last wrote is there.
    if (life > 1) expect(found).toBeGreaterThan(paths.length / 10);
    const load = new KnownLoad(edge.http, paths, { clients, random });
    await load.more(200 + random.below(400));
    expect({ life, refused: load.refused }).toEqual({ life, refused: 0 });
    written += (await metricsOf(edge)).sum('edge_disk_written_bytes_total');
    await edge.kill('SIGKILL');
    await load.stop();
    expect(load.hits).toBeGreaterThan(0);
  }
  expect(written).toBeGreaterThan(0);

  await damage(disk, random);
  const edge = await start();
  expect(await onDisk(edge)).toBeGreaterThan(0);
  const load = new KnownLoad(edge.http, paths, { clients, random });
  await load.more(600);
  await load.stop();
  expect(load.refused).toBe(0);
  expect((await metricsOf(edge)).sum('edge_disk_corrupt_total')).toBeGreaterThan(0);
  expect(await edge.kill('SIGTERM')).toBe(0);
  await origin.die();
});

/** How many are to be had without the origin. Each was right. */
async function onDisk(edge: TestBox): Promise<number> {
  let found = 0;
  for (const path of paths) {
    const ended = await askKnown(edge.http, path, { headers: { 'cache-control': 'only-if-cached' } });
    if (ended.how !== 'whole') throw new Error(`${path}: ${ended.how}, though nothing else was asked`);
    if (ended.status === 200) found += 1;
    else expect(ended.status).toBe(504);
  }
  return found;
}

/** One bit in each segment, many in the largest, and the last half of one is gone. */
async function damage(folder: string, random: Random): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.segment'));
  expect(names.length).toBeGreaterThan(2);
  for (const [at, name] of names.entries()) {
    const path = join(folder, name);
    const { size } = await stat(path);
    for (let flips = at === 0 ? 100 : 1; flips > 0; flips -= 1)
      await flipBit(path, random.below(size), random.below(8));
    if (at === 1) await truncate(path, size >> 1);
  }
}

async function flipBit(path: string, at: number, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8(0) ^ (1 << bit));
  await file.write(byte, 0, 1, at);
  await file.close();
}
