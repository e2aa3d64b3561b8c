import { afterEach, describe, expect, it } from 'vitest';
import { openScene, type Scene } from '../edge.fixture.js';
import { echo, networksOf } from './gates.fixture.js';

describe.each(['node', 'uws', 'uws-threads'] as const)('proxies before the %s engine', (engine) => {
  let scene: Scene;
  const open = async (...trusted: string[]): Promise<Scene> => {
    const gates = { trustedProxies: networksOf(...trusted) };
    scene = await openScene({ engine, apiSays: echo, gates });
    return scene;
  };
  afterEach(() => scene.close());

  /** What the API is told of the client. */
  const told = async (headers: Record<string, string>) => {
    const { status } = await scene.ask('/v1/me', { headers });
    if (status !== 200) return status;
    const {
      'x-forwarded-for': client,
      'x-forwarded-proto': scheme,
      forwarded,
    } = scene.api.requests.at(-1)?.headers ?? {};
    expect(forwarded).toBeUndefined();
    return `${client} ${scheme}`;
  };

  it('are not believed where nobody is trusted', async () => {
    await open();
    expect(await told({ 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1;proto=https' })).toBe(
      '127.0.0.1 http',
    );
  });

  it('are not believed where others are', async () => {
    await open('192.0.2.0/24', '::1');
    expect(await told({ 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'https' })).toBe('127.0.0.1 http');
  });

  it('name the client and its scheme where they are trusted', async () => {
    await open('127.0.0.0/8');
    expect(await told({ forwarded: 'for=198.51.100.1;proto=https' })).toBe('198.51.100.1 https');
    expect(await told({ 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'https' })).toBe('198.51.100.1 https');
    expect(await told({ forwarded: 'for="[2001:db8::1]:4711"' })).toBe('2001:db8:0:0:0:0:0:1 http');
    expect(await told({})).toBe('127.0.0.1 http');
  });

  it('are believed up to the first that is not trusted', async () => {
    await open('127.0.0.1', '192.0.2.0/24');
    const chain = '6.6.6.6, 198.51.100.1, 192.0.2.2, 192.0.2.1';
    expect(await told({ 'x-forwarded-for': chain })).toBe('198.51.100.1 http');
    const forwarded = 'for=6.6.6.6;proto=http, for=198.51.100.1;proto=https, for=192.0.2.2;proto=http';
    expect(await told({ forwarded })).toBe('198.51.100.1 https');
  });

  it('that all are trusted lead to the first of them', async () => {
    await open('127.0.0.1', '192.0.2.0/24');
    expect(await told({ 'x-forwarded-for': '192.0.2.2, 192.0.2.1' })).toBe('192.0.2.2 http');
  });

  it('that say what cannot be read, or nothing, are the client themselves', async () => {
    await open('127.0.0.1');
    for (const value of ['', 'garbage', '1.2.3', '6.6.6.6, unknown']) {
      expect(await told({ 'x-forwarded-for': value })).toBe('127.0.0.1 http');
    }
    for (const value of ['for=_hidden', 'for=6.6.6.6, for=unknown', 'for="6.6.6.6', 'for=6.6.6.6;for=7.7.7.7']) {
      expect(await told({ forwarded: value })).toBe('127.0.0.1 http');
    }
  });

  it('that write one field and pass the client’s other on are not misled', async () => {
    await open('127.0.0.1');
    const forged = { forwarded: 'for=6.6.6.6', 'x-forwarded-for': '198.51.100.1' };
    expect(await told(forged)).toBe(400);
    expect(await told({ ...forged, forwarded: 'for=6.6.6.6, for=198.51.100.1;proto=https' })).toBe(
      '198.51.100.1 https',
    );
  });
});
