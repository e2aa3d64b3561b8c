import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiBox, aVideo, call, OPERATOR_TOKEN, openBox } from './api.fixture.js';

const [READY, MAKING, BROKEN, BOBS] = [
  'v_000000000000000a',
  'v_000000000000000b',
  'v_000000000000000c',
  'v_000000000000000d',
] as const;
let box: ApiBox;
let alice: { id: string; token: string };
beforeAll(async () => {
  box = await openBox();
  alice = await box.user('alice');
});
beforeEach(() => {
  const jobs = [
    { jobId: 'j_1', resolution: 'audio', status: 'done' as const },
    { jobId: 'j_2', resolution: '360p', status: 'processing' as const },
    { jobId: 'j_3', resolution: '720p', status: 'queued' as const },
  ];
  for (const video of [
    aVideo(READY, { createdAt: 1 }),
    aVideo(MAKING, { createdAt: 2, status: 'transcoding', thumbnailUrl: null, jobs }),
    aVideo(BROKEN, { createdAt: 3, status: 'failed', failureReason: 'no video in it' }),
    aVideo(BOBS, { createdAt: 3, uploaderId: 'u_bob' }),
  ]) {
    box.catalog.videosById.set(video.id, video);
  }
});
afterAll(() => box.api.close(1000));

const listed = async (query: string, token?: string) => {
  const { body } = await call(box, 'GET', `/v1/videos${query}`, { token });
  return (body.videos as { id: string }[]).map(({ id }) => id);
};

describe('the list of videos', () => {
  it('shows what is ready to everybody, one’s own to oneself, everything to the operator', async () => {
    expect(await listed('')).toEqual([BOBS, READY]);
    expect(await listed('', alice.token)).toEqual([BOBS, READY]);
    expect(await listed('?mine=true', alice.token)).toEqual([BROKEN, MAKING, READY]);
    expect(await listed('?status=failed', alice.token)).toEqual([BROKEN]);
    expect(await listed('', OPERATOR_TOKEN)).toEqual([BOBS, BROKEN, MAKING, READY]);
    expect(await listed('?status=ready', OPERATOR_TOKEN)).toEqual([BOBS, READY]);
  });

  it('goes page by page, none twice', async () => {
    const { body } = await call(box, 'GET', '/v1/videos?limit=2', { token: OPERATOR_TOKEN });
    expect(body.next).toBe(`3-${BROKEN}`);
    expect(await listed(`?limit=2&before=${body.next}`, OPERATOR_TOKEN)).toEqual([MAKING, READY]);
  });
});

it('says which videos are watched most, for edges that fetch ahead', async () => {
  for (const [id, viewCount] of [
    [READY, 3],
    [BOBS, 5],
    [MAKING, 9],
  ] as const) {
    const video = box.catalog.videosById.get(id);
    if (video !== undefined) box.catalog.videosById.set(id, { ...video, viewCount });
  }
  const lines = async (query: string) => {
    const answer = await fetch(`${box.url}/v1/popular${query}`);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    return answer.text();
  };
  expect(await lines('')).toBe(`/vod/${BOBS}/index.m3u8\n/vod/${READY}/index.m3u8\n`);
  expect(await lines('?limit=1')).toBe(`/vod/${BOBS}/index.m3u8\n`);
  expect((await call(box, 'GET', '/v1/popular?limit=0')).status).toBe(400);
});

describe('a video', () => {
  it('is shown with its addresses', async () => {
    const { body } = await call(box, 'GET', `/v1/videos/${READY}`, { headers: { 'x-forwarded-host': 'tv.example' } });
    expect(body).toEqual({
      id: READY,
      uploader_id: 'u_alice',
      title: 'A film',
      description: '',
      status: 'ready',
      duration: 12.5,
      manifest_url: `http://tv.example/vod/${READY}/index.m3u8`,
      thumbnail_url: `http://tv.example/vod/${READY}/poster.jpg`,
      hlsUrl: `http://tv.example/vod/${READY}/index.m3u8`,
      dashUrl: `http://tv.example/vod/${READY}/manifest.mpd`,
      watchUrl: `http://tv.example/watch/${READY}`,
      view_count: 0,
      created_at: 1,
      broadcast_id: null,
      incomplete: false,
      revision: 0,
    });
  });

  it('shows its jobs and what went wrong to its owner', async () => {
    const owners = await call(box, 'GET', `/v1/videos/${MAKING}`, { token: alice.token });
    expect(owners.body).toMatchObject({
      manifest_url: null,
      jobs: [
        { resolution: 'audio', status: 'done', progress: 1 },
        { resolution: '360p', status: 'processing', progress: 0.25 },
        { resolution: '720p', status: 'queued', progress: 0 },
      ],
    });
    expect((await call(box, 'GET', `/v1/videos/${BROKEN}`, { token: alice.token })).body.reason).toBe('no video in it');
    const others = (await call(box, 'GET', `/v1/videos/${BROKEN}`)).body;
    expect([others.status, others.reason, others.jobs]).toEqual(['failed', undefined, undefined]);
  });

  it('sends players to its playlist once it is ready', async () => {
    const { status, headers } = await call(box, 'GET', `/v1/videos/${READY}/manifest.m3u8`);
    expect([status, headers.get('location')]).toEqual([307, `/vod/${READY}/index.m3u8`]);
    const waiting = await call(box, 'GET', `/v1/videos/${MAKING}/manifest.m3u8`);
    expect(waiting).toMatchObject({ status: 404, body: { detail: 'The video is transcoding, not ready.' } });
  });

  it('is edited by its owner, who can insist on the revision', async () => {
    const edit = (body: unknown) => call(box, 'PATCH', `/v1/videos/${READY}`, { token: alice.token, body });
    expect((await edit({ title: ' New ', revision: 0 })).body).toMatchObject({
      title: 'New',
      description: '',
      revision: 1,
    });
    expect(await edit({ description: 'x', revision: 0 })).toMatchObject({
      status: 409,
      body: { type: 'urn:headwater:problem:video-changed' },
    });
    expect((await edit({ description: 'line\nline' })).body).toMatchObject({ title: 'New', description: 'line\nline' });
  });

  it('is deleted with everything stored for it', async () => {
    expect((await call(box, 'DELETE', `/v1/videos/${READY}`, { token: alice.token })).status).toBe(204);
    expect(box.told).toEqual([[READY, { keys: [`raw/${READY}`], prefixes: ['job/j_1/'] }]]);
    expect((await call(box, 'GET', `/v1/videos/${READY}`)).status).toBe(404);
  });
});
