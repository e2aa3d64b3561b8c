// What the disk tier of the edge does on this machine: writing, reading, and opening an index of many objects after a restart.
//   node bench/edge-disk.mjs [objects, 100000] [folder, a new one in the system's own for temporary files]
// Needs a built tree (npm run build). Reads come from the page cache, as they do on a box with memory to spare: drop it between the runs
// to see the disk itself.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskTier } from '../dist/edge-cache/disk/disk-tier.js';
import { CachedObject } from '../dist/edge-cache/memory/cached-object.js';
import { silentLog as log } from '../dist/telemetry/log.js';
import { Metrics } from '../dist/telemetry/metrics.js';

const [objects = '100000', folder = mkdtempSync(join(tmpdir(), 'headwater-edge-disk-'))] = process.argv.slice(2);
const mebibyte = 2 ** 20;
const disks = [{ folder, bytesMax: 16 * 1024 * mebibyte }];
const room = {
  take: () => true,
  giveBack() {},
  put(object) {
    object.release();
  },
};
const stale = { forbidden: false, whileRevalidateMs: 0, ifErrorMs: null };
const freshness = { lifetimeMs: 36e5, initialAgeMs: 0, receivedAt: Date.now(), stale };
const headers = [
  ['content-type', 'video/mp4'],
  ['cache-control', 'public, max-age=3600'],
  ['etag', '"0123456789abcdef"'],
];
const head = {
  status: 200,
  headers,
  upstreamStatus: '',
  etag: '"0123456789abcdef"',
  lastModified: null,
  date: 0,
  freshness,
};

const open = () => DiskTier.open({ disks, log, metrics: new Metrics() });
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function timed(doing) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await doing();
  const { user, system } = process.cpuUsage(cpu);
  return { result, sec: (performance.now() - start) / 1000, cpuSec: (user + system) / 1e6 };
}

/** At most so many wait to be written: none is dropped. */
async function write(tier, prefix, count, body) {
  const waiting = [];
  for (let n = 0; n < count; n += 1) {
    const object = CachedObject.open({ key: `${prefix}${n}`, head, length: body.length, bytesMax: body.length, room });
    object.append(body);
    object.complete();
    tier.stored(object);
    waiting.push(object);
    while (waiting.length * body.length > 32 * mebibyte || waiting.length > 2000) {
      await turn();
      while (waiting[0]?.hasReaders === false) waiting.shift();
    }
  }
  while (waiting.some((object) => object.hasReaders)) await turn();
}

async function read(tier, prefix, count, at) {
  let next = 0;
  const one = async () => {
    while (next < count) {
      const found = await tier.read(`${prefix}${(next++ * 7919) % count}`, room);
      if (found === null) throw new Error('it was there');
      await found.whole;
    }
  };
  await Promise.all(Array.from({ length: at }, one));
}

const say = (what, { sec, cpuSec }, count, bytes) =>
  console.log(
    `${what}: ${sec.toFixed(2)} s, ${Math.round(count / sec)}/s, ${Math.round((count * bytes) / sec / mebibyte)} MiB/s, ` +
      `${((cpuSec / count) * 1e6).toFixed(0)} us of CPU each`,
  );

const count = Number(objects);
try {
  let tier = await open();
  const small = Buffer.alloc(2048, 'x');
  say(`${count} of 2 KiB written`, await timed(() => write(tier, '/small/', count, small)), count, small.length);
  await tier.close();
  for (let round = 0; round < 3; round += 1) {
    const again = await timed(open);
    tier = again.result;
    console.log(`opened with ${tier.objects} objects: ${(again.sec * 1000).toFixed(0)} ms`);
    await tier.close();
  }
  for (const name of readdirSync(folder)) if (name.endsWith('.index')) rmSync(join(folder, name));
  const scanned = await timed(open);
  tier = scanned.result;
  console.log(`the same without any index, every segment scanned: ${(scanned.sec * 1000).toFixed(0)} ms`);
  say(
    '2 KiB read, 16 at once',
    await timed(() => read(tier, '/small/', Math.min(count, 50_000), 16)),
    Math.min(count, 50_000),
    2048,
  );
  for (const [name, bytes, many] of [
    ['500 KiB', 500 * 1024, 2000],
    ['6 MiB', 6 * mebibyte, 150],
  ]) {
    const body = Buffer.alloc(bytes, 'x');
    say(`${name} written`, await timed(() => write(tier, `/${bytes}/`, many, body)), many, bytes);
    say(`${name} read, 16 at once`, await timed(() => read(tier, `/${bytes}/`, many, 16)), many, bytes);
  }
  await tier.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
