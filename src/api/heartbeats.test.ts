import { describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { aVideo, call, FakeCatalog, openBox } from './api.fixture.js';
import { Heartbeats, type HeartbeatsOptions } from './heartbeats.js';

const open = (options: Partial<HeartbeatsOptions> = {}) => {
  const catalog = new FakeCatalog();
  return { catalog, beats: new Heartbeats({ catalog, log: silentLog, metrics: new Metrics(), ...options }) };
};
const beat = (videoId: string, viewer: string, progressSec = 1) => ({
  videoId,
  viewer,
  userId: viewer.startsWith('u_') ? viewer : null,
  progressSec,
  bufferEvents: 2,
});

describe('heartbeats', () => {
  it('become one entry for all videos of a minute', async () => {
    const { catalog, beats } = open();
    for (const progress of [1, 11, 21]) {
      beats.record(beat('v_a', 'u_alice', progress));
      beats.record(beat('v_a', 'somebody', progress));
    }
    beats.record(beat('v_b', 'u_alice', 5));
    await beats.flush();
    await beats.flush();
    expect(catalog.entries).toMatchObject([
      {
        type: 'heartbeats.recorded',
        data: {
          minute: expect.any(Number),
          videos: [
            {
              videoId: 'v_a',
              views: 2,
              beats: 6,
              bufferEvents: 12,
              watchers: [{ userId: 'u_alice', progressSec: 21 }],
            },
            { videoId: 'v_b', views: 1, beats: 1, bufferEvents: 2, watchers: [{ userId: 'u_alice', progressSec: 5 }] },
          ],
        },
      },
    ]);
    // Still the same view in the next minute.
    beats.record(beat('v_a', 'u_alice', 31));
    await beats.close();
    expect(catalog.entries[1]).toMatchObject({ data: { videos: [{ views: 0, beats: 1 }] } });
  });

  it('are offered again, by the same id, when the catalog is away', async () => {
    const { catalog, beats } = open();
    catalog.failing = new Error('away');
    for (let minute = 0; minute < 8; minute += 1) {
      beats.record(beat('v_a', `viewer ${minute}`));
      await beats.flush();
    }
    catalog.failing = null;
    await beats.close();
    expect(catalog.entries.map(({ id }) => id)).toHaveLength(5);
    expect(new Set(catalog.entries.map(({ id }) => id)).size).toBe(5);
  });

  it('are bounded in videos and watchers', async () => {
    const { catalog, beats } = open({ videosMax: 2, watchersMax: 3 });
    for (const video of ['v_a', 'v_b', 'v_c']) for (const user of ['u_1', 'u_2']) beats.record(beat(video, user));
    await beats.close();
    expect(catalog.entries).toMatchObject([
      { data: { videos: [{ watchers: { length: 2 } }, { watchers: { length: 1 }, beats: 2 }] } },
    ]);
  });

  it('come through the API, from ready videos alone, and are recorded at the latest by closing', async () => {
    const box = await openBox();
    const alice = await box.user('alice');
    box.catalog.videosById.set('v_000000000000000a', aVideo('v_000000000000000a'));
    box.catalog.videosById.set('v_000000000000000b', aVideo('v_000000000000000b', { status: 'transcoding' }));
    const send = (id: string, token?: string) =>
      call(box, 'POST', `/v1/videos/${id}/heartbeat`, { token, body: { progress_sec: 12.5, buffer_events: 1 } });
    expect((await send('v_000000000000000a')).status).toBe(204);
    expect((await send('v_000000000000000a')).status).toBe(204);
    expect((await send('v_000000000000000a', alice.token)).status).toBe(204);
    expect((await send('v_000000000000000b')).status).toBe(404);
    expect((await send('v_000000000000000c')).status).toBe(404);
    await box.api.close(1000);
    expect(box.catalog.entries).toMatchObject([
      {
        data: {
          videos: [
            { videoId: 'v_000000000000000a', views: 2, beats: 3, watchers: [{ userId: 'u_alice', progressSec: 12.5 }] },
          ],
        },
      },
    ]);
  });
});
