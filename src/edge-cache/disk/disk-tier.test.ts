import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../edge.fixture.js';
import {
  bodyFrom,
  counted,
  headOf,
  mebibyte,
  newFolder,
  type OpenedTier,
  objectOf,
  openTier,
  PlainMemory,
  segmentsIn,
} from './disk.fixture.js';
import type { DiskTier } from './disk-tier.js';
import { type Files, realFiles } from './files.js';

const hour = 3_600_000;
const quick = { restMs: 1, restMsMax: 1 };

describe('the disk tier', () => {
  const opened: DiskTier[] = [];
  const folders: string[] = [];
  const folder = (): string => {
    const made = newFolder();
    folders.push(made);
    return made;
  };
  const on = async (...given: Parameters<typeof openTier>): Promise<OpenedTier> => {
    const tier = await openTier(...given);
    opened.push(tier.tier);
    return tier;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((tier) => tier.close()));
    for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
  });
  const store = (
    tier: DiskTier,
    name: string,
    body: string | Uint8Array = `body of ${name}`,
    lifetimeMs = hour,
  ): void => tier.stored(objectOf(name, body, headOf(Date.now(), lifetimeMs)));
  /** Stored, and in its files: so far a SIGKILL loses nothing of it. */
  const kept = async (tier: DiskTier, name: string, body?: string | Uint8Array): Promise<void> => {
    store(tier, name, body);
    await until(() => tier.has(name), `${name} is written`);
  };
  /** What a process that was killed now would leave: its files as they are, and no lock that anybody holds. */
  const killed = (from: string): string => {
    const to = folder();
    cpSync(from, to, { recursive: true });
    rmSync(join(to, 'edge.lock'), { force: true });
    return to;
  };
  const flip = (path: string, at: (bytes: Buffer) => number): void => {
    const bytes = readFileSync(path);
    const byte = at(bytes);
    bytes[byte] = (bytes[byte] ?? 0) ^ 4;
    writeFileSync(path, bytes);
  };

  it('has after a restart what it was given before', async () => {
    const at = folder();
    const { tier } = await on([at]);
    const large = Buffer.alloc(3 * mebibyte, 'large');
    store(tier, '/a');
    store(tier, '/large', large);
    store(tier, '/empty', '');
    await tier.close();
    const { tier: again } = await on([at]);
    expect(again.objects).toBe(3);
    expect(await bodyFrom(again, '/a')).toBe('body of /a');
    expect(await bodyFrom(again, '/large')).toBe(large.toString('latin1'));
    expect(await bodyFrom(again, '/empty')).toBe('');
    expect(await bodyFrom(again, '/b')).toBeNull();
    const found = await again.read('/a', new PlainMemory());
    expect(found).toMatchObject({ object: { head: { status: 200, etag: '"1"' } } });
  });

  it('has it after a SIGKILL too, the newest under each name', async () => {
    const at = folder();
    const { tier } = await on([at]);
    await kept(tier, '/a', 'old');
    await kept(tier, '/b');
    store(tier, '/a', 'new');
    await until(() => statSync(segmentsIn(at)[0] ?? '').size > 0, 'it is written');
    await kept(tier, '/c');
    const { tier: again } = await on([killed(at)]);
    expect(await Promise.all(['/a', '/b', '/c'].map((name) => bodyFrom(again, name)))).toEqual([
      'new',
      'body of /b',
      'body of /c',
    ]);
  });

  it('forgets for good what was removed', async () => {
    const at = folder();
    const { tier } = await on([at]);
    await kept(tier, '/a');
    await kept(tier, '/b');
    tier.removed('/a');
    expect(tier.has('/a')).toBe(false);
    store(tier, '/never');
    tier.removed('/never');
    await kept(tier, '/c');
    const { tier: afterKill } = await on([killed(at)]);
    await tier.close();
    const { tier: afterClose } = await on([at]);
    for (const again of [afterKill, afterClose]) {
      expect(['/a', '/never', '/b', '/c'].map((name) => again.has(name))).toEqual([false, false, true, true]);
    }
  });

  it('writes nothing that will not be fresh for long, and forgets what that replaces', async () => {
    const { tier } = await on([folder()]);
    store(tier, '/part', 'part', 29_000);
    await kept(tier, '/a');
    store(tier, '/a', 'short', 1000);
    await kept(tier, '/b');
    expect([tier.has('/part'), tier.has('/a'), tier.objects]).toEqual([false, false, 1]);
  });

  it('shares one read between all that ask at once', async () => {
    const { tier, metrics } = await on([folder()]);
    await kept(tier, '/a');
    const memory = new PlainMemory();
    const found = await Promise.all(Array.from({ length: 50 }, () => tier.read('/a', memory)));
    expect(new Set(found.map((each) => each?.kind === 'object' && each.object)).size).toBe(1);
    expect(await counted(metrics, 'edge_disk_hits_total')).toBe(1);
    expect(memory.objects.get('/a')?.phase).toBe('complete');
  });

  it('does not put into memory what was removed while it was read', async () => {
    const { tier } = await on([folder()]);
    await kept(tier, '/a');
    const memory = new PlainMemory();
    const reading = tier.read('/a', memory);
    tier.removed('/a');
    await reading;
    expect(memory.objects.size).toBe(0);
    expect(await tier.read('/a', memory)).toBeNull();
  });

  it('has nothing where memory has no room, and does next time', async () => {
    const { tier } = await on([folder()]);
    await kept(tier, '/a');
    const memory = new PlainMemory();
    memory.room = false;
    expect(await tier.read('/a', memory)).toBeNull();
    memory.room = true;
    expect(await tier.read('/a', memory)).not.toBeNull();
  });

  it('drops the head from before a confirmation, unless that must be confirmed anyway', async () => {
    let clock = Date.now();
    const { tier } = await on([folder()], { now: () => clock });
    tier.stored(objectOf('/fresh', 'fresh', headOf(clock)));
    tier.stored(objectOf('/stale', 'stale', headOf(clock, 60_000)));
    await until(() => tier.has('/fresh') && tier.has('/stale'), 'they are written');
    clock += 120_000;
    tier.confirmed('/fresh');
    tier.confirmed('/stale');
    expect([tier.has('/fresh'), tier.has('/stale')]).toEqual([false, true]);
  });

  describe('where something is wrong with its files', () => {
    const bodies = { '/a': 'a'.repeat(5000), '/b': 'b'.repeat(5000), '/c': 'c'.repeat(5000) };
    const filled = async (): Promise<string> => {
      const at = folder();
      const { tier } = await on([at]);
      for (const [name, body] of Object.entries(bodies)) await kept(tier, name, body);
      await tier.close();
      return at;
    };
    const answers = (tier: DiskTier): Promise<(string | null)[]> =>
      Promise.all(Object.keys(bodies).map((name) => bodyFrom(tier, name)));

    it.each([
      ['the body', (bytes: Buffer) => bytes.indexOf('bbbbb') + 2500],
      ['the head', (bytes: Buffer) => bytes.indexOf('"freshness"', bytes.indexOf('aaaaa')) + 5],
      ['the name', (bytes: Buffer) => bytes.indexOf('/b{') + 1],
      ['the header', (bytes: Buffer) => bytes.indexOf('/b{') - 20],
    ])('takes a bit that flipped in %s for a miss, and what is beside it for what it is', async (_where, at) => {
      const where = await filled();
      flip(segmentsIn(where)[0] ?? '', at);
      const { tier, metrics } = await on([where]);
      expect(await answers(tier)).toEqual([bodies['/a'], null, bodies['/c']]);
      expect(await counted(metrics, 'edge_disk_corrupt_total')).toBe(1);
      expect(tier.objects).toBe(2);
      await kept(tier, '/b', 'anew');
      expect(await bodyFrom(tier, '/b')).toBe('anew');
    });

    it('never hands on a byte of a large body before its block was found right', async () => {
      const at = folder();
      const { tier: first } = await on([at], { bytesMax: 256 * mebibyte });
      const body = Buffer.alloc(7 * mebibyte, 'x');
      await kept(first, '/large', body);
      await first.close();
      flip(segmentsIn(at)[0] ?? '', () => 5 * mebibyte);
      const { tier } = await on([at], { bytesMax: 256 * mebibyte });
      const found = await tier.read('/large', new PlainMemory());
      if (found?.kind !== 'object') throw new Error('its head is there');
      const reader = found.object.openReader(0);
      while (found.object.phase === 'filling') {
        const bytes = found.object.view(reader.at, found.object.filled);
        expect(Buffer.from(bytes).equals(body.subarray(reader.at, reader.at + bytes.length))).toBe(true);
        reader.moveTo(reader.at + bytes.length);
        await reader.change();
      }
      expect(found.object.phase).toBe('failed');
      expect(reader.at).toBeLessThan(5 * mebibyte);
      await found.whole;
      expect(tier.has('/large')).toBe(false);
    });

    it('has what stands before the cut in a file that was cut', async () => {
      const where = await filled();
      const [path = ''] = segmentsIn(where);
      truncateSync(path, statSync(path).size - 100);
      const { tier } = await on([where]);
      expect(await answers(tier)).toEqual([bodies['/a'], bodies['/b'], null]);
    });

    it('takes a file that is cut while it is open for a miss', async () => {
      const at = folder();
      const { tier } = await on([at]);
      await kept(tier, '/a', 'a'.repeat(5000));
      truncateSync(segmentsIn(at)[0] ?? '', 3000);
      expect(await bodyFrom(tier, '/a')).toBeNull();
      expect(tier.has('/a')).toBe(false);
    });

    it('reads the segment where its index is wrong or gone', async () => {
      for (const spoil of [
        (path: string) => rmSync(path),
        (path: string) => truncateSync(path, 10),
        (path: string) => flip(path, (bytes) => bytes.length - 1),
      ]) {
        const where = await filled();
        spoil((segmentsIn(where)[0] ?? '').replace('.segment', '.index'));
        const { tier } = await on([where]);
        expect(await answers(tier)).toEqual(Object.values(bodies));
      }
    });

    it('takes a file that vanished for misses, and goes on', async () => {
      const where = await filled();
      const { tier } = await on([where]);
      for (const path of segmentsIn(where)) rmSync(path);
      expect(await answers(tier)).toEqual([null, null, null]);
      expect(tier.objects).toBe(0);
      await kept(tier, '/a', 'anew');
      expect(await bodyFrom(tier, '/a')).toBe('anew');
    });

    it('takes no harm from files that are none of its own, or nonsense under its names', async () => {
      const where = await filled();
      writeFileSync(join(where, 'README'), 'hello');
      writeFileSync(join(where, '0000000099.segment'), 'nonsense'.repeat(1000));
      writeFileSync(join(where, '0000000099.index'), 'nonsense');
      writeFileSync(join(where, '0000000100.index'), 'of no segment');
      const { tier } = await on([where]);
      expect(await answers(tier)).toEqual(Object.values(bodies));
    });
  });

  describe('when it is full', () => {
    const small = { bytesMax: 16 * mebibyte };
    const body = Buffer.alloc(100_000, 'x');
    /** Written, or refused; each is asked for twice, as what is worth a place on a full disk. */
    const fill = async (tier: DiskTier, from: number, count: number): Promise<void> => {
      for (let n = from; n < from + count; n += 1) {
        store(tier, `/${n}`, body);
        store(tier, `/${n}`, body);
        await until(() => tier.has(`/${n}`), `/${n} is written`);
      }
    };

    it('lets the oldest go, and stays within its bytes', async () => {
      const at = folder();
      const { tier, metrics } = await on([at], small);
      await fill(tier, 0, 300);
      expect(tier.bytes).toBeLessThanOrEqual(small.bytesMax);
      expect(segmentsIn(at).reduce((sum, path) => sum + statSync(path).size, 0)).toBeLessThanOrEqual(small.bytesMax);
      expect([tier.has('/0'), tier.has('/299')]).toEqual([false, true]);
      expect(await counted(metrics, 'edge_disk_evictions_total')).toBeGreaterThan(100);
      expect(await counted(metrics, 'edge_disk_objects')).toBe(tier.objects);
    });

    it('keeps what is asked for again and again', async () => {
      const { tier, metrics } = await on([folder()], small);
      await fill(tier, 0, 1);
      for (let n = 1; n < 300; n += 20) {
        await fill(tier, n, 20);
        expect(await bodyFrom(tier, '/0')).toBe(body.toString('latin1'));
      }
      expect(await counted(metrics, 'edge_disk_moved_bytes_total')).toBeGreaterThan(body.length);
    });

    it('takes only what was fetched before', async () => {
      const { tier, metrics } = await on([folder()], small);
      await fill(tier, 0, 200);
      store(tier, '/once', body);
      await fill(tier, 200, 1);
      expect(tier.has('/once')).toBe(false);
      expect(await counted(metrics, 'edge_disk_unproven_total')).toBeGreaterThan(0);
      store(tier, '/once', body);
      await until(() => tier.has('/once'), 'it is written at the second fetch');
    });

    it('has room for a smaller size after a restart', async () => {
      const at = folder();
      const { tier } = await on([at], { bytesMax: 64 * mebibyte });
      for (let n = 0; n < 300; n += 1) await kept(tier, `/${n}`, body);
      await tier.close();
      const { tier: again } = await on([at], small);
      await fill(again, 300, 60);
      expect(again.bytes).toBeLessThanOrEqual(small.bytesMax);
      expect(again.has('/359')).toBe(true);
    });
  });

  it('does not take what is too large for its segments, and drops what its queue has no room for', async () => {
    const { tier, metrics } = await on([folder()], { bytesMax: 16 * mebibyte });
    store(tier, '/large', Buffer.alloc(2 * mebibyte));
    expect(await counted(metrics, 'edge_disk_dropped_writes_total', { reason: 'too-large' })).toBe(1);
    for (let n = 0; n < 10; n += 1) store(tier, `/${n}`, Buffer.alloc(900_000));
    expect(await counted(metrics, 'edge_disk_dropped_writes_total', { reason: 'queue-full' })).toBeGreaterThan(0);
    await until(() => tier.objects >= 4, 'the others are written');
  });

  it('does not write what memory needed back meanwhile', async () => {
    const { tier, metrics } = await on([folder()]);
    const object = objectOf('/a', 'cut', headOf(Date.now()));
    tier.stored(object);
    object.fail();
    await until(() => !object.hasReaders, 'it is let go');
    expect(tier.has('/a')).toBe(false);
    expect(await counted(metrics, 'edge_disk_dropped_writes_total', { reason: 'memory-needed' })).toBe(1);
  });

  describe('when a disk fails', () => {
    interface Faults {
      write: string | null;
      read: string | null;
    }
    const faulty = (faults: Faults): Files => ({
      ...realFiles,
      open: async (path, flags) => {
        const file = await open(path, flags);
        const fail = (errno: string | null) => {
          if (errno !== null) throw Object.assign(new Error(`${errno}, says the test`), { code: errno });
        };
        return {
          read: async (...given) => {
            fail(faults.read);
            return file.read(...given);
          },
          writev: async (...given) => {
            fail(faults.write);
            return file.writev(...given);
          },
          stat: () => file.stat(),
          close: () => file.close(),
        };
      },
    });

    it.each(['ENOSPC', 'EIO', 'EROFS'])('goes on reading, and writes again when it can (%s)', async (errno) => {
      const faults: Faults = { write: null, read: null };
      const at = folder();
      const { tier, metrics } = await on([at], { files: faulty(faults), limits: quick });
      await kept(tier, '/a');
      await kept(tier, '/removed');
      faults.write = errno;
      store(tier, '/b');
      await until(() => tier.objects < 3 && !tier.has('/b'), 'it is refused');
      await vanishes(() => counted(metrics, 'edge_disk_up', { for: 'writes' }));
      expect(await counted(metrics, 'edge_disk_errors_total', { operation: 'write' })).toBeGreaterThan(0);
      expect(await bodyFrom(tier, '/a')).toBe('body of /a');
      tier.removed('/removed');
      faults.write = null;
      await comesBack(tier, '/c');
      expect(await counted(metrics, 'edge_disk_up', { for: 'writes' })).toBe(1);
      const { tier: again } = await on([killed(at)]);
      expect(['/a', '/removed', '/c'].map((name) => again.has(name))).toEqual([true, false, true]);
    });

    it('is left out when it cannot be read, and found again', async () => {
      const faults: Faults = { write: null, read: null };
      const { tier, metrics } = await on([folder()], { files: faulty(faults), limits: quick });
      const names = ['/a', '/b', '/c', '/d'];
      for (const name of [...names, '/kept']) await kept(tier, name);
      faults.read = 'EIO';
      for (const name of names) expect(await bodyFrom(tier, name)).toBeNull();
      expect(await counted(metrics, 'edge_disk_up')).toBe(0);
      tier.removed('/d');
      faults.read = null;
      await until(() => tier.has('/kept'), 'it is tried again');
      expect(tier.has('/d')).toBe(false);
      await comesBack(tier, '/e');
    });

    it('does not wait for a disk that hangs', async () => {
      let hang = false;
      const never = new Promise<never>(() => undefined);
      const files: Files = {
        ...realFiles,
        open: async (path, flags) => {
          const file = await open(path, flags);
          return {
            read: (...given) => (hang ? never : file.read(...given)),
            writev: (...given) => file.writev(...given),
            stat: () => file.stat(),
            close: () => file.close(),
          };
        },
      };
      const { tier, metrics } = await on([folder()], { files, limits: { readMs: 50 } });
      await kept(tier, '/a');
      hang = true;
      expect(await bodyFrom(tier, '/a')).toBeNull();
      expect(await counted(metrics, 'edge_disk_errors_total', { operation: 'read' })).toBe(1);
    });

    it('is left out while its folder is gone', async () => {
      const at = folder();
      const { tier, metrics } = await on([at], { limits: { restMs: 1, restMsMax: 1 } });
      await kept(tier, '/a');
      renameSync(at, `${at}.away`);
      folders.push(`${at}.away`);
      expect(await bodyFrom(tier, '/a')).toBeNull();
      expect(await counted(metrics, 'edge_disk_up')).toBe(0);
      await comesBack(tier, '/b');
      expect(await counted(metrics, 'edge_disk_up')).toBe(2);
    });

    it('starts without it, and takes it when it can be used', async () => {
      const at = join(folder(), 'cache');
      writeFileSync(at, 'a file, where a folder should be');
      const { tier, metrics } = await on([at], { limits: quick });
      store(tier, '/a');
      expect(await counted(metrics, 'edge_disk_up')).toBe(0);
      rmSync(at);
      // An attempt that is under way may have made it by now.
      mkdirSync(at, { recursive: true });
      await comesBack(tier, '/a');
    });

    it('leaves its names to the others meanwhile, and then has nothing older than they have', async () => {
      const [one, two] = [folder(), folder()];
      const faults: Faults = { write: null, read: null };
      const files = faulty(faults);
      const onlyOne: Files = {
        ...realFiles,
        open: (path, flags) => (path.startsWith(one) ? files : realFiles).open(path, flags),
      };
      const { tier, metrics } = await on([one, two], { files: onlyOne, limits: { restMs: 60_000 } });
      const names = Array.from({ length: 40 }, (_, n) => `/${n}`);
      for (const name of names) await kept(tier, name, 'old');
      expect(segmentsIn(one).length * segmentsIn(two).length).toBe(1);
      faults.write = 'EIO';
      for (const name of names) store(tier, name, 'lost');
      await vanishes(() => counted(metrics, 'edge_disk_up', { for: 'writes', disk: one }));
      for (const name of names) await kept(tier, name, 'new');
      await until(() => names.every((name) => tier.has(name)), 'the other takes all');
      expect(new Set(await Promise.all(names.map((name) => bodyFrom(tier, name))))).toEqual(new Set(['new']));
    });

    async function comesBack(tier: DiskTier, name: string): Promise<void> {
      await until(() => {
        if (!tier.has(name)) store(tier, name);
        return tier.has(name);
      }, 'it works again');
      expect(await bodyFrom(tier, name)).toBe(`body of ${name}`);
    }
  });

  describe('a folder', () => {
    it('is for one process at a time', async () => {
      const at = folder();
      const { tier } = await on([at]);
      await expect(openTier([folder(), at])).rejects.toMatchObject({
        code: 'edge-cache.disk-in-use',
        hint: expect.stringContaining('--cache-disk'),
      });
      await tier.close();
      await on([at]);
    });

    it('is taken over from a process that is gone', async () => {
      const at = folder();
      writeFileSync(join(at, 'edge.lock'), `${process.pid} 1\n`);
      const { tier } = await on([at]);
      await kept(tier, '/a');
    });
  });

  it('finds 100,000 objects again, from the indexes of its segments', async () => {
    const at = folder();
    const { tier } = await on([at], { bytesMax: 512 * mebibyte });
    const head = headOf(Date.now());
    for (let n = 0; n < 100_000; n += 1) {
      tier.stored(objectOf(`/object/${n}`, `body ${n}`, head));
      if (n % 1000 === 999) await until(() => tier.has(`/object/${n}`), 'they are written');
    }
    await tier.close();
    const { tier: again } = await on([at], { bytesMax: 512 * mebibyte });
    expect(again.objects).toBe(100_000);
    for (const n of [0, 1, 4711, 99_999]) expect(await bodyFrom(again, `/object/${n}`)).toBe(`body ${n}`);
  });

  it('never brings a wrong byte, wherever a SIGKILL hits a process that writes', async () => {
    const at = folder();
    let told = 0;
    for (let round = 0; round < 5; round += 1) {
      const writing = spawn(process.execPath, ['--input-type=module', '-e', writer, ...built, at, String(round)]);
      let last = -1;
      createInterface(writing.stdout).on('line', (line) => {
        last = Number(line);
      });
      await until(() => last >= 100 + 70 * round, 'it writes');
      writing.kill('SIGKILL');
      await once(writing, 'exit');
      told = last;
      const { tier } = await on([at], { bytesMax: 64 * mebibyte });
      const bodies = await Promise.all(Array.from({ length: told + 200 }, (_, n) => bodyFrom(tier, `/${n}`)));
      const wrong = bodies.filter(
        (body, n) => body !== null && !new RegExp(`^(?:${n} [0-${round}];){1000}$`).test(body),
      );
      expect(wrong).toEqual([]);
      // What was said to be there is.
      expect(bodies.slice(0, told + 1).every((body, n) => body?.startsWith(`${n} ${round};`))).toBe(true);
      await tier.close();
    }
  });
});

const vanishes = async (value: () => Promise<number>): Promise<void> => {
  for (let tried = 0; tried < 2000 && (await value()) > 0; tried += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await value()).toBe(0);
};

const built = [
  'edge-cache/disk/disk-tier.js',
  'edge-cache/memory/cached-object.js',
  'telemetry/log.js',
  'telemetry/metrics.js',
].map((path) => new URL(`../../../dist/${path}`, import.meta.url).href);

/** Writes without end, and says how far it is on disk. */
const writer = `
  const [tierPath, objectPath, logPath, metricsPath, folder, round] = process.argv.slice(1);
  const { DiskTier } = await import(tierPath);
  const { CachedObject } = await import(objectPath);
  const { silentLog: log } = await import(logPath);
  const { Metrics } = await import(metricsPath);
  const tier = await DiskTier.open({ disks: [{ folder, bytesMax: 64 * 2 ** 20 }], log, metrics: new Metrics() });
  const stale = { forbidden: false, whileRevalidateMs: 0, ifErrorMs: null };
  const freshness = { lifetimeMs: 3600000, initialAgeMs: 0, receivedAt: Date.now(), stale };
  const head = { status: 200, headers: [], upstreamStatus: '', etag: null, lastModified: null, date: 0, freshness };
  const room = { take: () => true, giveBack() {} };
  for (let n = 0; ; n += 1) {
    const body = Buffer.from((n + ' ' + round + ';').repeat(1000));
    const object = CachedObject.open({ key: '/' + n, head, length: body.length, bytesMax: body.length, room });
    object.append(body);
    object.complete();
    tier.stored(object);
    while (object.hasReaders) await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write(n + '\\n');
  }
`;

describe.runIf(mayMount())('a disk that is really full', () => {
  it('keeps what it has, and takes more when there is room again', () => {
    const folder = newFolder();
    try {
      const mounted = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@" "$0"';
      const node = [process.execPath, '--input-type=module', '-e', fillTheDisk, ...built];
      const found = execFileSync('unshare', ['-m', 'sh', '-c', mounted, folder, ...node], {
        encoding: 'utf8',
        timeout: 60_000,
      });
      expect(JSON.parse(found)).toEqual({ full: true, kept: 'first', again: true, afterRestart: ['first', 'later'] });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Runs in a process of its own, since a private mount is seen by no other: the folder is a tmpfs of 8 MiB, and the cache's size 64. */
const fillTheDisk = `
  import { rmSync, writeFileSync } from 'node:fs';
  const [tierPath, objectPath, logPath, metricsPath, folder] = process.argv.slice(1);
  const { DiskTier } = await import(tierPath);
  const { CachedObject } = await import(objectPath);
  const { silentLog: log } = await import(logPath);
  const { Metrics } = await import(metricsPath);
  const metrics = new Metrics();
  const disks = [{ folder, bytesMax: 64 * 2 ** 20 }];
  const open = () => DiskTier.open({ disks, log, metrics: new Metrics(), limits: { restMs: 1, restMsMax: 1 } });
  const stale = { forbidden: false, whileRevalidateMs: 0, ifErrorMs: null };
  const freshness = { lifetimeMs: 3600000, initialAgeMs: 0, receivedAt: Date.now(), stale };
  const head = { status: 200, headers: [], upstreamStatus: '', etag: null, lastModified: null, date: 0, freshness };
  const room = { take: () => true, giveBack() {}, put(object) { object.release(); } };
  const put = async (tier, key, text) => {
    const body = Buffer.from(text);
    const object = CachedObject.open({ key, head, length: body.length, bytesMax: body.length, room });
    object.append(body);
    object.complete();
    tier.stored(object);
    while (object.hasReaders) await new Promise((resolve) => setTimeout(resolve, 1));
    return tier.has(key);
  };
  const read = async (tier, key) => {
    const found = await tier.read(key, room);
    return found === null ? null : Buffer.from(found.object.view(0, found.object.filled)).toString();
  };
  const tier = await open();
  await put(tier, '/first', 'first');
  let full = false;
  for (let n = 0; n < 100 && !full; n += 1) full = !(await put(tier, '/' + n, 'x'.repeat(1000000)));
  writeFileSync(folder + '/other', '');
  const kept = await read(tier, '/first');
  for (let n = 0; n < 100; n += 1) tier.removed('/' + n);
  rmSync(folder + '/0000000001.segment');
  await put(tier, '/first', 'first');
  let again = false;
  for (let n = 0; n < 5000 && !again; n += 1) again = (await put(tier, '/later', 'later')) && (await put(tier, '/first', 'first'));
  await tier.close();
  const next = await open();
  const afterRestart = [await read(next, '/first'), await read(next, '/later')];
  await next.close();
  process.stdout.write(JSON.stringify({ full, kept, again, afterRestart }));
`;

/** Whether this user may mount in a namespace of their own, as root outside of most containers may. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
