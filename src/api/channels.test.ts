import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { type ApiBox, call, OPERATOR_TOKEN, openBox } from './api.fixture.js';

let box: ApiBox;
let alice: { id: string; token: string };
beforeAll(async () => {
  box = await openBox();
  alice = await box.user('alice');
});
afterAll(() => box.api.close(1000));

describe('a channel', () => {
  it('is created with its key and addresses, as the caller reached the box', async () => {
    const headers = { 'x-forwarded-host': 'tv.example:8080' };
    const { status, body } = await call(box, 'POST', '/v1/channels', {
      token: alice.token,
      body: { name: 'town-hall' },
      headers,
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      name: 'town-hall',
      live: false,
      streamKey: expect.stringMatching(/^[a-z0-9]{28}$/),
      rtmpUrl: `rtmp://tv.example:1936/live/${body.streamKey}`,
      hlsUrl: 'http://tv.example:8080/live/town-hall/index.m3u8',
      dashUrl: 'http://tv.example:8080/live/town-hall/manifest.mpd',
      watchUrl: 'http://tv.example:8080/watch/town-hall',
      settings: DEFAULT_CHANNEL_SETTINGS,
      revision: 0,
    });
    expect(box.catalog.entries.at(-1)).toMatchObject({
      type: 'channel.created',
      data: { name: 'town-hall', ownerId: 'u_alice' },
    });
    const again = await call(box, 'POST', '/v1/channels', { token: alice.token, body: { name: 'town-hall' } });
    expect(again).toMatchObject({ status: 409, body: { detail: 'There is a channel town-hall already.' } });
  });

  it('shows its key to its owner and the operator alone', async () => {
    box.live.add('town-hall');
    const bob = await box.user('bob');
    const seen = async (token?: string) => (await call(box, 'GET', '/v1/channels/town-hall', { token })).body;
    for (const token of [undefined, bob.token]) {
      expect(Object.keys(await seen(token)).sort()).toEqual(['dashUrl', 'hlsUrl', 'live', 'name', 'watchUrl']);
    }
    for (const token of [alice.token, OPERATOR_TOKEN]) {
      expect(await seen(token)).toMatchObject({
        live: true,
        streamKey: expect.any(String),
        rtmpUrl: expect.stringContaining('rtmp://127.0.0.1:1936/'),
      });
    }
    const { body } = await call(box, 'GET', '/v1/channels');
    expect(JSON.stringify(body)).not.toContain('streamKey');
  });

  it('takes settings one by one, and shows them to its owner and the operator alone', async () => {
    const set = (body: object, token = alice.token) => call(box, 'PATCH', '/v1/channels/town-hall', { token, body });
    const settings = { preset: '720p-3', graceSec: 0, onLoss: 'hold', srtPassphrase: 'a passphrase' };
    expect((await set(settings)).body).toMatchObject({ settings, revision: 1 });
    expect((await set({ graceSec: null, revision: 1 }, OPERATOR_TOKEN)).body).toMatchObject({
      settings: { ...settings, graceSec: null },
    });
    expect(await set({ onLoss: 'slate', revision: 1 })).toMatchObject({
      status: 409,
      body: { type: 'urn:headwater:problem:channel-changed' },
    });
    const bob = await box.user('bob');
    for (const token of [undefined, bob.token]) {
      const one = (await call(box, 'GET', '/v1/channels/town-hall', { token })).body;
      const all = (await call(box, 'GET', '/v1/channels', { token })).body;
      expect(JSON.stringify([one, all])).not.toMatch(/passphrase|settings/);
    }
    expect((await call(box, 'GET', '/v1/channels/town-hall', { token: OPERATOR_TOKEN })).body).toMatchObject({
      settings: { srtPassphrase: 'a passphrase' },
    });
  });

  it('refuses a preset that the box does not have, and names those it has', async () => {
    const body = { preset: '8k-9' };
    const answer = await call(box, 'PATCH', '/v1/channels/town-hall', { token: alice.token, body });
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: 'There is no preset 8k-9 on this box.', hint: expect.stringMatching(/720p-3, passthrough-top/) },
    });
    const bare = await openBox({ presets: [] });
    await call(bare, 'POST', '/v1/channels', { token: OPERATOR_TOKEN, body: { name: 'a' } });
    const none = await call(bare, 'PATCH', '/v1/channels/a', { token: OPERATOR_TOKEN, body });
    expect(none).toMatchObject({ status: 400, body: { hint: expect.stringMatching(/has none/) } });
    await bare.api.close(100);
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['a revision alone', { revision: 1 }],
    ['a negative grace', { graceSec: -1 }],
    ['a grace of a day', { graceSec: 86_400 }],
    ['a grace in words', { graceSec: '30' }],
    ['music', { onLoss: 'music' }],
    ['a short passphrase', { srtPassphrase: 'nine char' }],
    ['a long passphrase', { srtPassphrase: 'x'.repeat(80) }],
    ['a passphrase with an umlaut', { srtPassphrase: 'pässphräse' }],
    ['a preset that is no name', { preset: '../../etc' }],
    ['a field that is no setting', { graceSec: 5, streamKey: 'mine' }],
  ])('is not set to %s', async (_, body) => {
    const answer = await call(box, 'PATCH', '/v1/channels/town-hall', { token: alice.token, body });
    expect(answer).toMatchObject({ status: 400, body: { type: 'urn:headwater:problem:invalid-request' } });
  });

  it('gets a new key, and loses its publisher', async () => {
    const before = box.catalog.channelsByName.get('town-hall')?.streamKey;
    const { body } = await call(box, 'POST', '/v1/channels/town-hall/rotate-key', { token: alice.token, body: {} });
    expect(body.streamKey).not.toBe(before);
    expect(body.streamKey).toBe(box.catalog.channelsByName.get('town-hall')?.streamKey);
    expect(box.told).toEqual([['town-hall', 'key-rotated']]);
  });

  it('is deleted, and its publisher cut', async () => {
    expect((await call(box, 'DELETE', '/v1/channels/town-hall', { token: alice.token })).status).toBe(204);
    expect(box.told.at(-1)).toEqual(['town-hall', 'deleted']);
    expect((await call(box, 'GET', '/v1/channels/town-hall')).status).toBe(404);
    expect((await call(box, 'DELETE', '/v1/channels/town-hall', { token: alice.token })).status).toBe(404);
  });

  it('is listed page by page', async () => {
    for (const name of ['a', 'b', 'c']) await call(box, 'POST', '/v1/channels', { token: alice.token, body: { name } });
    const first = await call(box, 'GET', '/v1/channels?limit=2');
    expect(first.body).toMatchObject({ channels: [{ name: 'a' }, { name: 'b' }], next: 'b' });
    expect((await call(box, 'GET', '/v1/channels?limit=2&after=b')).body).toMatchObject({
      channels: [{ name: 'c' }],
      next: null,
    });
  });

  it('is printed with the public address where one is set', async () => {
    const other = await openBox({ publicUrl: 'https://live.example/' });
    const headers = { 'x-forwarded-host': 'inner:8080' };
    const { body } = await call(other, 'POST', '/v1/channels', {
      token: OPERATOR_TOKEN,
      body: { name: 'news' },
      headers,
    });
    expect(body).toMatchObject({
      hlsUrl: 'https://live.example/live/news/index.m3u8',
      rtmpUrl: `rtmp://live.example:1936/live/${body.streamKey}`,
    });
    await other.api.close(100);
  });
});
