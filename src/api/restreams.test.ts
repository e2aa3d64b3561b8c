import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiBox, call, OPERATOR_TOKEN, openBox } from './api.fixture.js';

const LIVE = {
  name: 'tube',
  url: 'rtmp://h:1935/live/***',
  state: 'sending' as const,
  since: 5,
  bitrate: 1_000,
  restarts: 1,
  droppedFrames: 2,
  error: 'the target closed the connection',
};
const OFF = { state: 'off', since: null, bitrate: null, restarts: 0, droppedFrames: 0, error: null };
let box: ApiBox;
let alice: { id: string; token: string };
let live: (typeof LIVE)[] = [];
beforeAll(async () => {
  const places: Record<string, 'this-box' | 'private'> = { mine: 'this-box', inner: 'private' };
  box = await openBox({
    restreams: { statuses: () => live, placeOf: async ({ host }) => places[host] ?? 'elsewhere' },
  });
  alice = await box.user('alice');
  await call(box, 'POST', '/v1/channels', { token: alice.token, body: { name: 'news' } });
});
afterAll(() => box.api.close(1000));

const path = '/v1/channels/news/restreams';
const add = (url: string, name?: string, token = alice.token) =>
  call(box, 'POST', path, { token, body: { url, ...(name === undefined ? {} : { name }) } });

it('is added, and never shows its secret again', async () => {
  const added = await add('rtmp://live.example.com/app/the-secret');
  expect(added).toMatchObject({
    status: 201,
    body: { name: 'live-example-com', url: 'rtmp://live.example.com:1935/app/***', ...OFF },
  });
  expect((await add('srt://live.example.com:9000?passphrase=the-secret-too')).body).toMatchObject({
    name: 'live-example-com-2',
  });
  expect((await add('rtmp://h/live/the-secret', 'tube')).body).toMatchObject({ name: 'tube' });
  live = [LIVE];
  const { body } = await call(box, 'GET', path, { token: OPERATOR_TOKEN });
  expect(body.restreams).toMatchObject([{ name: 'live-example-com', state: 'off' }, { state: 'off' }, LIVE]);
  expect(JSON.stringify([added.body, body])).not.toContain('the-secret');
  expect(box.catalog.entries.at(-1)).toMatchObject({
    type: 'channel.restream-added',
    data: { channel: 'news', name: 'tube', url: 'rtmp://h/live/the-secret' },
  });
});

it.each([
  [400, 'http://h/the-secret', undefined, /rtmp:\/\/HOST/],
  [400, 'rtmp://h/the-secret', undefined, /application and a stream key/],
  [400, 'rtmp://mine/live/the-secret', undefined, /this box itself/],
  [403, 'rtmp://inner/live/the-secret', undefined, /only the operator/],
  [400, 'rtmp://h/live/the-secret', 'No Spaces', /a-z/],
  [409, 'rtmp://h/live/the-secret', 'tube', /target tube already/],
])('%i: %s as %s', async (status, url, name, words) => {
  const answer = await add(url, name);
  expect(answer.status).toBe(status);
  expect(answer.body.detail).toMatch(words);
  expect(JSON.stringify(answer.body)).not.toContain('the-secret');
});

it("may be on a private network where the operator says so, and is its owner's and the operator's affair alone", async () => {
  expect((await add('rtmp://inner/live/k', 'inner', OPERATOR_TOKEN)).status).toBe(201);
  const bob = await box.user('bob');
  for (const [token, status] of [
    [bob.token, 403],
    [undefined, 401],
  ] as const) {
    expect((await call(box, 'GET', path, { token })).status).toBe(status);
    expect((await call(box, 'POST', path, { token, body: { url: 'rtmp://h/live/k' } })).status).toBe(status);
    expect((await call(box, 'DELETE', `${path}/tube`, { token })).status).toBe(status);
  }
  const nowhere = { token: alice.token, body: { url: 'rtmp://h/live/k' } };
  expect((await call(box, 'POST', '/v1/channels/nobody/restreams', nowhere)).status).toBe(404);
});

it('is removed, and of eight there is no ninth', async () => {
  expect((await call(box, 'DELETE', `${path}/tube`, { token: alice.token })).status).toBe(204);
  expect((await call(box, 'DELETE', `${path}/tube`, { token: alice.token })).status).toBe(404);
  for (let n = 0; n < 5; n += 1) expect((await add(`rtmp://h/live/${n}`)).status).toBe(201);
  expect(await add('rtmp://h/live/k')).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/8 targets/) },
  });
});
