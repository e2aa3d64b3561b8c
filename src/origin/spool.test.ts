import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { LiveRun, LiveSegment } from './live-segment.js';
import {
  decodedFrames,
  deliverRun,
  mediaPlaylistAt,
  RENDITIONS,
  type ServedOrigin,
  serveOrigin,
  textAt,
  until,
} from './origin.fixture.js';
import { openSpool, type Spool } from './spool.js';
import { localDisk, type SpoolDisk } from './spool-disk.js';

const BROADCAST = 'b_0000000000000001';
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'spool-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(options: Parameters<typeof serveOrigin>[0]): Promise<ServedOrigin> {
  const served = await serveOrigin(options);
  closers.push(() => served.close());
  return served;
}

const fullDisk = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

describe('after a crash in the middle of a broadcast', () => {
  it('serves again what was announced, as an ended playlist, and goes on with higher numbers', async () => {
    const folder = await temporaryFolder();
    const before = await serve({ spoolDir: join(folder, 'before') });
    await deliverRun(before.origin, {
      channel: 'town-hall',
      broadcastId: BROADCAST,
      seconds: 5,
      startedAt: Date.now(),
    });
    const announced = await until(async () => {
      const found = await mediaPlaylistAt(`${before.url}/live/town-hall/v180.m3u8`);
      return found.segments.length === 3 && found;
    });
    await until(async () => (await mediaPlaylistAt(`${before.url}/live/town-hall/audio.m3u8`)).segments.length === 3);
    // What a SIGKILL leaves: the files as they stand, and perhaps half a line.
    await cp(join(folder, 'before'), join(folder, 'after'), { recursive: true });
    await appendFile(join(folder, 'after', BROADCAST, 'journal.jsonl'), '{"kind":"segment","at":17000');

    const after = await serve({ spoolDir: join(folder, 'after') });
    const playlist = await mediaPlaylistAt(`${after.url}/live/town-hall/v180.m3u8`);
    expect(playlist.endlist).toBe(true);
    expect(playlist.segments.map((segment) => segment.uri)).toEqual(announced.segments.map((segment) => segment.uri));
    expect(await decodedFrames(`${after.url}/live/town-hall/index.m3u8`)).toBe(125);
    // Static soon after, and its end is told at once.
    expect(await textAt(`${after.url}/live/town-hall/manifest.mpd`)).toContain('mediaPresentationDuration=');
    expect(after.origin.isPlayable('town-hall')).toBe(false);
    expect(after.origin.live()).toEqual([]);

    await deliverRun(after.origin, { channel: 'town-hall', broadcastId: 'b_0000000000000002', seconds: 3 });
    const next = await until(async () => {
      const found = await mediaPlaylistAt(`${after.url}/live/town-hall/v180.m3u8`);
      return !found.endlist && found.segments.length > 0 && found;
    });
    // Parts of number 3 may have been told.
    expect(next.mediaSequenceBase).toBeGreaterThan(3);
    expect(next.discontinuitySequenceBase).toBe(1);
  });

  it('does not list segments whose bytes were lost in a power cut', async () => {
    const folder = await temporaryFolder();
    const before = await serve({ spoolDir: join(folder, 'before') });
    await deliverRun(before.origin, {
      channel: 'town-hall',
      broadcastId: BROADCAST,
      seconds: 5,
      startedAt: Date.now(),
    });
    await until(async () => (await mediaPlaylistAt(`${before.url}/live/town-hall/v90.m3u8`)).segments.length === 3);
    await cp(join(folder, 'before'), join(folder, 'after'), { recursive: true });
    await truncate(join(folder, 'after', BROADCAST, 'v90', '1.m4s'), 0);
    await truncate(join(folder, 'after', BROADCAST, 'audio', '2.m4s'), 0);
    const after = await serve({ spoolDir: join(folder, 'after') });
    const playlist = await textAt(`${after.url}/live/town-hall/v90.m3u8`);
    expect(playlist).toMatch(/#EXT-X-GAP\n#EXTINF:2\.00000,\n\S+\/1\.m4s\n/);
    const sound = await mediaPlaylistAt(`${after.url}/live/town-hall/audio.m3u8`);
    expect(sound.segments.map((segment) => segment.mediaSequenceNumber)).toEqual([0, 1]);
    expect((await fetch(`${after.url}/media/${BROADCAST}/v90/1.m4s`)).status).toBe(404);
  });
});

describe('on a full disk', () => {
  it('keeps live going from memory, says that the recording is incomplete, and takes up again', async () => {
    let full = false;
    const disk: SpoolDisk = {
      ...localDisk,
      write: (path, bytes) => (full ? Promise.reject(fullDisk()) : localDisk.write(path, bytes)),
      append: (path, text) => (full ? Promise.reject(fullDisk()) : localDisk.append(path, text)),
    };
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
    const metrics = new Metrics();
    const served = await serve({ disk, log, metrics });
    full = true;
    await deliverRun(served.origin, {
      channel: 'town-hall',
      broadcastId: BROADCAST,
      seconds: 5,
      startedAt: Date.now(),
    });
    await until(async () => (await fetch(`${served.url}/live/town-hall/index.m3u8`)).status === 200);
    await until(async () => (await mediaPlaylistAt(`${served.url}/live/town-hall/v180.m3u8`)).segments.length === 3);
    expect((await fetch(`${served.url}/media/${BROADCAST}/v180/1.m4s`)).status).toBe(200);
    expect(lines.join('')).toContain('ENOSPC');
    expect(await metrics.text()).toMatch(/headwater_origin_spool_failures_total [1-9]/);
  });

  it('writes the header and the journal of what follows once there is room', async () => {
    const folder = await temporaryFolder();
    let full = true;
    let now = 1_000_000;
    const disk: SpoolDisk = {
      ...localDisk,
      write: (path, bytes) => (full ? Promise.reject(fullDisk()) : localDisk.write(path, bytes)),
    };
    const spool = await open({ folder, disk, now: () => now });
    const run = someRun();
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: now });
    expect(await shelf.store(someSegment(run, 0), Buffer.alloc(1000))).toBe(false);
    full = false;
    expect(await shelf.store(someSegment(run, 1), Buffer.alloc(1000))).toBe(false);
    now += 10_000;
    expect(await shelf.store(someSegment(run, 2), Buffer.alloc(1000))).toBe(true);
    expect(spool.isIncomplete(BROADCAST)).toBe(true);
    expect((await readdir(join(folder, BROADCAST, 'v180'))).sort()).toEqual(['2.m4s', 'init-1.mp4']);
    const journal = await readFile(join(folder, BROADCAST, 'journal.jsonl'), 'utf8');
    expect(
      journal
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).kind),
    ).toEqual([...['broadcast', 'incomplete', 'run', 'init', 'segment']]);
    await spool.close();
    const again = await open({ folder });
    expect(again.isIncomplete(BROADCAST)).toBe(true);
  });

  it('does not let a disk that hangs hold up live', async () => {
    const { disk, unblock } = hangingDisk();
    const spool = await open({ folder: await temporaryFolder(), disk, writeTimeoutMs: 30 });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 });
    expect(await shelf.store(someSegment(someRun(), 0), Buffer.alloc(10))).toBe(false);
    expect(await shelf.store(someSegment(someRun(), 1), Buffer.alloc(10))).toBe(false);
    unblock();
  });

  it('writes down the end of a broadcast once the disk that hung is back', async () => {
    const folder = await temporaryFolder();
    const { disk, unblock } = hangingDisk();
    const spool = await open({ folder, disk, writeTimeoutMs: 30 });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 });
    expect(await shelf.store(someSegment(someRun(), 0), Buffer.alloc(10))).toBe(false);
    await shelf.end(5000);
    expect(await readdir(join(folder, BROADCAST))).not.toContain('journal.jsonl');
    unblock();
    await shelf.exclusively(async () => undefined);
    const lines = (await readFile(join(folder, BROADCAST, 'journal.jsonl'), 'utf8')).trim().split('\n');
    const kinds = lines.map((line) => JSON.parse(line).kind).sort();
    expect(kinds).toEqual(['broadcast', 'end', 'incomplete', 'init', 'run', 'segment']);
  });

  it('leaves nothing of a broadcast that is deleted while a write hangs', async () => {
    const folder = await temporaryFolder();
    const { disk, unblock } = hangingDisk();
    const spool = await open({ folder, disk, writeTimeoutMs: 30 });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 });
    await shelf.store(someSegment(someRun(), 0), Buffer.alloc(10));
    const deleted = spool.deleteBroadcast(BROADCAST);
    expect(await shelf.store(someSegment(someRun(), 1), Buffer.alloc(10))).toBe(false);
    unblock();
    await deleted;
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes on with live while it cannot be swept', async () => {
    const folder = await temporaryFolder();
    const { hanging, unblock } = hangingDisk();
    let removing = false;
    const remove = (path: string) => {
      removing = true;
      return hanging.then(() => localDisk.remove(path));
    };
    const retention = { ageMaxMs: 1e9, bytesMax: 25 };
    const metrics = new Metrics();
    const spool = await open({ folder, disk: { ...localDisk, remove }, retention, writeTimeoutMs: 30, metrics });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 });
    const run = someRun();
    for (let number = 0; number < 3; number += 1) await shelf.store(someSegment(run, number), Buffer.alloc(10));
    const swept = spool.sweep();
    await until(() => removing);
    expect(await shelf.store(someSegment(run, 3), Buffer.alloc(10))).toBe(false);
    expect(await metrics.text()).toContain('headwater_origin_spool_failures_total 1');
    unblock();
    await swept;
    expect(await shelf.store(someSegment(run, 4), Buffer.alloc(10))).toBe(true);
    expect(await spool.head(`${BROADCAST}/v180/0.m4s`)).toBeNull();
  });

  it('is closed in spite of a disk that hangs', async () => {
    const { disk } = hangingDisk();
    const spool = await open({ folder: await temporaryFolder(), disk, writeTimeoutMs: 30 });
    await spool
      .shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 })
      .store(someSegment(someRun(), 0), Buffer.alloc(10));
    await expect(spool.close()).resolves.toBeUndefined();
  });
});

describe('retention', () => {
  it('drops the oldest ended broadcasts, by age and by bytes', async () => {
    const folder = await temporaryFolder();
    let now = 1_000_000;
    const spool = await open({ folder, now: () => now, retention: { ageMaxMs: 60_000, bytesMax: 2_500 } });
    for (const [index, id] of ['b_000000000000000a', 'b_000000000000000b', 'b_000000000000000c'].entries()) {
      const shelf = spool.shelf({ broadcastId: id, channel: `c${index}`, startedAt: now });
      await shelf.store(someSegment(someRun(id), 0), Buffer.alloc(1000));
      await shelf.end(now);
      now += 1000;
    }
    await spool.sweep();
    expect((await readdir(folder)).sort()).toEqual(['b_000000000000000b', 'b_000000000000000c']);
    now += 60_000;
    await spool.sweep();
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes the oldest segments out of a broadcast that still runs', async () => {
    const folder = await temporaryFolder();
    const spool = await open({ folder, retention: { ageMaxMs: 1e9, bytesMax: 5_000 } });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: Date.now() });
    const run = someRun();
    for (let number = 0; number < 8; number += 1) await shelf.store(someSegment(run, number), Buffer.alloc(1000));
    await spool.sweep();
    expect(spool.bytes).toBeLessThanOrEqual(5_000);
    expect(await spool.head(`${BROADCAST}/v180/0.m4s`)).toBeNull();
    expect(await spool.head(`${BROADCAST}/v180/7.m4s`)).toMatchObject({ size: 1000 });
    expect(await shelf.store(someSegment(run, 8), Buffer.alloc(1000))).toBe(true);
    await spool.close();
    const again = await open({ folder });
    expect(again.recovered[0]?.tail.get('v180')?.map((segment) => segment.number)).toEqual([4, 5, 6, 7, 8]);
    expect(again.recovered[0]?.endedAt).not.toBeNull();
  });

  it('deletes all that a channel left', async () => {
    const folder = await temporaryFolder();
    const spool = await open({ folder });
    const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: 0 });
    await shelf.store(someSegment(someRun(), 0), Buffer.alloc(10));
    await spool.deleteChannel('c');
    expect(await readdir(folder)).toEqual([]);
    expect(await spool.head(`${BROADCAST}/v180/0.m4s`)).toBeNull();
  });
});

async function open(options: Partial<Parameters<typeof openSpool>[0]> & { folder: string }): Promise<Spool> {
  const retention = { ageMaxMs: 1e9, bytesMax: 1e9 };
  const spool = await openSpool({ retention, tailLength: 8, log: silentLog, metrics: new Metrics(), ...options });
  closers.push(() => spool.close());
  return spool;
}

/** Every write waits until it is unblocked. */
function hangingDisk(): { disk: SpoolDisk; hanging: Promise<void>; unblock: () => void } {
  let unblock: () => void = () => undefined;
  const hanging = new Promise<void>((resolve) => {
    unblock = resolve;
  });
  const write = (...write: Parameters<SpoolDisk['write']>) => hanging.then(() => localDisk.write(...write));
  return { disk: { ...localDisk, write }, hanging, unblock: () => unblock() };
}

function someRun(broadcastId = BROADCAST): LiveRun {
  const track = {
    kind: 'video',
    timescale: 90_000,
    codecs: 'avc1.42c01e',
    width: 320,
    height: 180,
    sampleRate: 0,
  } as const;
  return {
    ...{
      broadcastId,
      run: 1,
      startedAt: 0,
      timelineOffsetSec: 10,
      segmentSec: 2,
      partSec: 0.2,
      renditions: RENDITIONS,
    },
    inits: new Map([['v180', { ...track, bytes: Buffer.from('header') }]]),
    place: { base: 0, firstNumber: 0, discontinuity: 0, zeroMs: 0 },
  };
}

function someSegment(run: LiveRun, number: number): LiveSegment {
  const times = { start: (10 + number * 2) * 90_000, duration: 180_000, timescale: 90_000 };
  return { number, run, rendition: 'v180', ...times, size: 1000, spooled: false, gap: false, parts: [], bytes: null };
}
