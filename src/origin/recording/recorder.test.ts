import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../telemetry/metrics.js';
import {
  decodedFrames,
  deliverRun,
  mediaPlaylistAt,
  multivariantPlaylistAt,
  type ServedOrigin,
  serveOrigin,
  textAt,
  until,
} from '../origin.fixture.js';
import { localDisk, type SpoolDisk } from '../spool-disk.js';
import type { ArchivedBroadcast } from './archiver.js';
import { FolderStore } from './folder-store.fixture.js';
import type { FinishedRecording, RecordingPolicy } from './recording-store.js';

const BROADCAST = 'b_0000000000000001';
const VIDEO = 'v_0000000000000001';
const CHANNEL = 'town-hall';
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Stage {
  readonly served: ServedOrigin;
  readonly store: FolderStore;
  /** What became a video. */
  readonly told: FinishedRecording[];
  readonly announced: ArchivedBroadcast[];
  readonly metrics: Metrics;
}

/** An origin that records into a folder; its archives are videos at once. */
async function stage(
  options: {
    policy?: Partial<RecordingPolicy>;
    disk?: SpoolDisk;
    spoolDir?: string;
    store?: FolderStore;
    wanted?: boolean;
  } = {},
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'recorder-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const store = options.store ?? new FolderStore(join(folder, 'store'));
  const told: FinishedRecording[] = [];
  const announced: ArchivedBroadcast[] = [];
  const metrics = new Metrics();
  const policy = { dvrSec: 7200, archive: true, ...options.policy };
  const served = await serveOrigin({
    ...{ metrics, objects: store, windowSegments: 2, spoolDir: options.spoolDir ?? join(folder, 'spool') },
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    vod: {
      video: async (videoId) => {
        const [finished] = told;
        if (finished === undefined) return null;
        const { durationSec, archiveKey } = finished;
        return { videoId, durationSec, archiveKey, renditions: [], posterKey: null, complete: true };
      },
    },
    recording: {
      store,
      pauseMs: 20,
      catalog: {
        policyOf: async () => policy,
        archived: async (finished) => {
          told.push(finished);
          return (options.wanted ?? true) ? { videoId: VIDEO } : null;
        },
      },
      onArchived: (archive) => announced.push(archive),
    },
  });
  closers.push(() => served.close());
  return { served, store, told, announced, metrics };
}

const broadcast = (seconds: number, startSec = 0) => ({
  ...{ channel: CHANNEL, broadcastId: BROADCAST, startedAt: Date.now() - startSec * 1000, startSec, seconds },
});
const vod = ({ served }: Stage, name = 'index.m3u8') => `${served.url}/vod/${VIDEO}/${name}`;
const live = ({ served }: Stage, name: string) => `${served.url}/live/${CHANNEL}/${name}`;
const fullDisk = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

async function archived(on: Stage): Promise<ArchivedBroadcast> {
  on.served.origin.fragments.endBroadcast(BROADCAST);
  return until(() => on.announced[0] ?? false);
}

describe('a broadcast of two runs', () => {
  it('can be gone back in beyond the live window, and plays as a video under the same names', async () => {
    const on = await stage();
    await deliverRun(on.served.origin, broadcast(7));
    await deliverRun(on.served.origin, broadcast(5, 9));
    const dvr = await until(async () => {
      const found = await mediaPlaylistAt(live(on, 'dvr/v180.m3u8'));
      return found.segments.length >= 7 && found;
    });
    expect(dvr).toMatchObject({ endlist: false, mediaSequenceBase: 0 });
    expect(dvr.segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect((await mediaPlaylistAt(live(on, 'start-over/audio.m3u8'))).playlistType).toBe('EVENT');
    expect((await multivariantPlaylistAt(live(on, 'dvr/index.m3u8'))).variants.map(({ uri }) => uri)).toEqual([
      ...['v90', 'v180'].map((id) => `/live/${CHANNEL}/dvr/${id}.m3u8`),
    ]);
    expect(await textAt(live(on, 'dvr/manifest.mpd'))).toContain('timeShiftBufferDepth="PT7200S"');

    const archive = await archived(on);
    expect(archive).toMatchObject({ videoId: VIDEO, channel: CHANNEL, complete: true });
    expect(Math.abs(archive.durationSec - 12)).toBeLessThan(0.1);
    const video = await mediaPlaylistAt(vod(on, 'v180.m3u8'));
    expect(video).toMatchObject({ endlist: true, playlistType: 'VOD' });
    expect(video.segments.map(({ uri }) => uri)).toEqual(dvr.segments.map(({ uri }) => uri));
    const seconds = video.segments.reduce((sum, { duration }) => sum + duration, 0);
    expect(Math.abs(seconds - archive.durationSec)).toBeLessThan(0.1);
    expect(await decodedFrames(vod(on))).toBe(300);
    expect(await textAt(vod(on, 'manifest.mpd'))).toContain('type="static"');
    expect((await mediaPlaylistAt(live(on, 'dvr/v180.m3u8'))).endlist).toBe(true);
    // On one file system nothing was copied; the spool may go and its names still answer, with the same tag.
    expect(on.store.links).toBe(on.store.puts - 1);
    const name = `${on.served.url}${video.segments[0]?.uri}`;
    const tag = (await fetch(name)).headers.get('etag');
    await rm(join(on.served.spoolDir, BROADCAST, 'v180', '0.m4s'));
    const again = await fetch(name);
    expect([again.status, again.headers.get('etag')]).toEqual([200, tag]);
    await on.served.origin.forgetBroadcast(BROADCAST);
    expect((await fetch(live(on, 'dvr/index.m3u8'))).status).toBe(404);
  });

  it('is neither shown nor kept where its channel wants neither, and is not kept where it has gone', async () => {
    const none = await stage({ policy: { dvrSec: 0, archive: false } });
    await deliverRun(none.served.origin, broadcast(3));
    expect((await fetch(live(none, 'dvr/index.m3u8'))).status).toBe(404);
    none.served.origin.fragments.endBroadcast(BROADCAST);
    const gone = await stage({ wanted: false });
    await deliverRun(gone.served.origin, broadcast(3));
    gone.served.origin.fragments.endBroadcast(BROADCAST);
    await until(async () => gone.told.length === 1 && (await gone.store.keys()).length === 0);
    expect(gone.announced).toEqual([]);
    expect(await none.store.keys()).toEqual([]);
    expect(none.told).toEqual([]);
  });
});

describe('a store in trouble', () => {
  it('that is slow, or fails for a while, holds up nothing, and is caught up with', async () => {
    const on = await stage();
    on.store.failure = fullDisk();
    on.store.slowMs = 50;
    await deliverRun(on.served.origin, broadcast(9));
    await until(async () => (await mediaPlaylistAt(live(on, 'dvr/v180.m3u8'))).segments.length === 5);
    on.served.origin.fragments.endBroadcast(BROADCAST);
    await until(async () => /recording_failures_total [1-9]/.test(await on.metrics.text()));
    await until(async () => /recording_backlog_segments 15/.test(await on.metrics.text()));
    expect(on.announced).toEqual([]);
    on.store.failure = null;
    const archive = await until(() => on.announced[0] ?? false);
    expect(archive.complete).toBe(true);
    expect(await decodedFrames(vod(on))).toBe(225);
    await until(async () => /recording_backlog_segments 0/.test(await on.metrics.text()));
  });

  it('keeps what the spool could not take out of memory, and what neither has is a gap that the archive names', async () => {
    let full = false;
    const disk: SpoolDisk = {
      ...localDisk,
      write: (path, bytes) =>
        full && path.endsWith('.m4s') ? Promise.reject(fullDisk()) : localDisk.write(path, bytes),
    };
    const on = await stage({ disk });
    await deliverRun(on.served.origin, broadcast(5));
    full = true;
    await deliverRun(on.served.origin, broadcast(3, 5));
    await until(async () => (await on.store.keys()).length >= 3 * 2 + 3 * 3 + 3 * 2);
    await rm(join(on.served.spoolDir, BROADCAST, 'v90'), { recursive: true });
    // Of the last four memory may have what a slow disk was late to take.
    await rm(join(on.store.folder, 'live', BROADCAST, 'v90', '0.m4s'));
    const archive = await archived(on);
    expect(archive.complete).toBe(false);
    const { segments } = await mediaPlaylistAt(vod(on, 'v90.m3u8'));
    expect(segments.map(({ gap }) => gap ?? false)).toEqual([true, false, false, false, false]);
    expect(await decodedFrames(`${vod(on, 'v180.m3u8')}`)).toBe(200);
    expect([...(await textAt(vod(on, 'manifest.mpd'))).matchAll(/<Period/g)]).toHaveLength(3);
  });

  it('that says it has what it has not is found out before anything is announced', async () => {
    const on = await stage();
    const swallowed = `live/${BROADCAST}/audio/1.m4s`;
    on.store.swallowed.add(swallowed);
    await deliverRun(on.served.origin, broadcast(5));
    await until(async () => (await on.store.keys()).length >= 11);
    on.store.swallowed.clear();
    expect(await archived(on)).toMatchObject({ complete: true });
    expect(await on.store.keys()).toContain(swallowed);
  });
});

describe('after a kill in mid-broadcast', () => {
  it('is archived with all that was announced, whatever of it was stored, once', async () => {
    const before = await stage();
    await deliverRun(before.served.origin, broadcast(5));
    before.store.failure = fullDisk();
    await deliverRun(before.served.origin, broadcast(5, 5));
    const listed = await until(async () => {
      const found = await mediaPlaylistAt(live(before, 'dvr/v180.m3u8'));
      return found.segments.length >= 6 && found;
    });
    const spoolDir = join(before.served.spoolDir, '..', 'killed');
    await cp(before.served.spoolDir, spoolDir, { recursive: true });
    const store = new FolderStore(before.store.folder);

    const after = await stage({ spoolDir, store });
    const archive = await until(() => after.announced[0] ?? false);
    expect(archive.complete).toBe(true);
    const video = await mediaPlaylistAt(vod(after, 'v180.m3u8'));
    expect(video.segments.map(({ uri }) => uri)).toEqual(listed.segments.map(({ uri }) => uri));
    expect(await decodedFrames(vod(after))).toBe(250);
    // The next broadcast goes on in the same DVR playlist where the live one does, and here it had ended.
    expect((await mediaPlaylistAt(live(after, 'dvr/v180.m3u8'))).endlist).toBe(true);
    await after.served.origin.close();

    const again = await stage({ spoolDir, store: new FolderStore(before.store.folder) });
    await deliverRun(again.served.origin, { ...broadcast(3), broadcastId: 'b_0000000000000002' });
    again.served.origin.fragments.endBroadcast('b_0000000000000002');
    await until(() => again.announced.length > 0);
    expect(again.told.map(({ broadcastId }) => broadcastId)).toEqual(['b_0000000000000002']);
  });
});
