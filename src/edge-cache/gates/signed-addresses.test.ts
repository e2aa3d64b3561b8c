import { afterEach, describe, expect, it } from 'vitest';
import { openScene, type Scene, type SceneOptions } from '../edge.fixture.js';
import { echo, networksOf, nobody } from './gates.fixture.js';
import { CurrentRules } from './network-rules.js';
import { type Claims, type SigningKey, writeToken } from './signed-token.js';

const key: SigningKey = { id: 'k1', secret: 'a secret for these tests' };
const old: SigningKey = { id: 'k0', secret: 'the secret before that one' };

describe.each(['node', 'uws', 'uws-threads'] as const)('signed addresses behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'> = {}): Promise<Scene> => {
    const signed = { prefixes: ['/vod/', '/media/'], keys: [key, old], parameter: 'hw_token' };
    const gates = { signed, ...options.gates };
    scene = await openScene({ engine, originSays: echo, ...options, gates });
    return scene;
  };
  afterEach(() => scene.close());

  const token = (claims: Partial<Claims> = {}, by = key) =>
    writeToken(by, { exp: Math.floor(scene.clock.now / 1000) + 60, paths: ['/vod/v_1/', '/media/v_1/'], ...claims });
  const why = async (path: string, headers: Record<string, string> = {}) => {
    const { status, body, cacheStatus } = await scene.ask(path, { headers });
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({ title: 'Forbidden', status: 403 });
    return cacheStatus.replace('Headwater; detail=token-', '');
  };

  it('leave everything else alone', async () => {
    const { ask } = await open();
    const { status, headers } = await ask('/live/a/index.m3u8');
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=60, s-maxage=90');
  });

  it('tell what is wrong', async () => {
    const { clock, origin } = await open();
    const other = { ...key, secret: 'somebody else’s secret' };
    expect(await why('/vod/v_1/index.m3u8')).toBe('missing');
    expect(await why('/vod/v_1/index.m3u8?hw_token=nonsense')).toBe('malformed');
    expect(await why(`/vod/v_1/index.m3u8?hw_token=${token({}, { ...key, id: 'k9' })}`)).toBe('unknown-key');
    expect(await why(`/vod/v_1/index.m3u8?hw_token=${token({}, other)}`)).toBe('bad-signature');
    expect(await why(`/vod/v_2/index.m3u8?hw_token=${token()}`)).toBe('wrong-path');
    expect(await why(`/vod/v_1/index.m3u8?hw_token=${token({ nets: ['192.0.2.0/24'] })}`)).toBe('wrong-network');
    const brief = token();
    clock.now += 61_000;
    expect(await why(`/vod/v_1/index.m3u8?hw_token=${brief}`)).toBe('expired');
    expect(origin.asked).toEqual([]);
    expect(await scene.metricsText()).toContain('headwater_edge_gate_refusals_total{gate="token"} 7');
  });

  it('take any key that is listed, and networks that the client is in', async () => {
    const { ask } = await open();
    const sign = token({ nets: ['127.0.0.0/8', '::1'] }, old);
    expect((await ask(`/vod/v_1/index.m3u8?hw_token=${sign}`)).status).toBe(200);
  });

  it('share what is kept: the token is in no name, and never goes upstream', async () => {
    const { ask, origin } = await open();
    const first = token();
    const second = token({ exp: Math.floor(scene.clock.now / 1000) + 90 });
    const headers = { referer: `http://tv.example/vod/v_1/?hw_token=${first}&x=1`, cookie: `hw_token=${first}` };
    expect((await ask(`/vod/v_1/a.m4s?hw_token=${first}`, { headers })).cacheStatus).toContain('stored');
    expect((await ask(`/vod/v_1/a.m4s?hw_token=${second}`)).cacheStatus).toContain('hit');
    expect((await ask(`/~${second}/vod/v_1/a.m4s`)).cacheStatus).toContain('hit');
    expect((await ask('/vod/v_1/a.m4s', { headers })).cacheStatus).toContain('hit');
    expect(origin.asked).toEqual(['GET /vod/v_1/a.m4s']);
    expect(origin.requests[0]?.headers.referer).toBe('http://tv.example/vod/v_1/?x=1');
    expect(JSON.stringify(origin.requests[0]?.rawHeaders)).not.toContain(first);
  });

  it('are taken off what goes to the API and to any server, whose own cookies and parameters stay', async () => {
    const { ask, origin, api } = await open({ apiSays: echo });
    const headers = { cookie: `a=1; hw_token=${token()}; b=2` };
    await ask(`/v1/videos?q=x&hw_token=${token()}&page=2`, { headers, method: 'POST' });
    expect(api.asked).toEqual(['POST /v1/videos?q=x&page=2']);
    expect(api.requests[0]?.headers.cookie).toBe('a=1; b=2');
    expect(origin.asked).toEqual([]);
  });

  it('give a player that opens one address with a token a cookie for the others', async () => {
    const { ask } = await open();
    const sign = token();
    const { headers } = await ask(`/vod/v_1/index.m3u8?hw_token=${sign}`);
    expect(headers['set-cookie']).toEqual([
      `hw_token=${sign}; Path=/vod/v_1/; Max-Age=60; HttpOnly; SameSite=Lax`,
      `hw_token=${sign}; Path=/media/v_1/; Max-Age=60; HttpOnly; SameSite=Lax`,
    ]);
    const cookie = { cookie: `theme=dark; hw_token=${sign}` };
    const segment = await ask('/media/v_1/v360/1.m4s', { headers: cookie });
    expect(segment.status).toBe(200);
    expect(segment.headers['set-cookie']).toBeUndefined();
    expect(
      (await ask(`/vod/v_1/index.m3u8?hw_token=${sign}`, { headers: cookie })).headers['set-cookie'],
    ).toBeUndefined();
  });

  it('take the cookie that fits, of several', async () => {
    const { ask } = await open();
    const cookie = `hw_token=${token({ paths: ['/vod/v_2/'] })}; hw_token=${token()}`;
    expect((await ask('/vod/v_1/index.m3u8', { headers: { cookie } })).status).toBe(200);
    expect(await why('/vod/v_3/index.m3u8', { cookie })).toBe('wrong-path');
  });

  it('say Secure where the client came over https', async () => {
    const { ask } = await open({ gates: { trustedProxies: networksOf('127.0.0.1') } });
    const headers = { forwarded: 'for=192.0.2.1;proto=https' };
    const answer = await ask(`/vod/v_1/index.m3u8?hw_token=${token()}`, { headers });
    expect(answer.headers['set-cookie']?.[0]).toMatch(/; SameSite=Lax; Secure$/);
  });

  it('set no cookie with an error, nor for one address alone', async () => {
    const { ask } = await open({ originSays: (_request, response) => void response.writeHead(404).end() });
    expect((await ask(`/vod/v_1/none?hw_token=${token()}`)).headers['set-cookie']).toBeUndefined();
    scene.origin.says = echo;
    const one = token({ paths: ['/vod/v_1/poster.jpg'] });
    const { status, headers } = await ask(`/vod/v_1/poster.jpg?hw_token=${one}`);
    expect([status, headers['set-cookie']]).toEqual([200, undefined]);
  });

  it('are private to whom they are answered, and to shared caches nothing', async () => {
    const { ask, origin } = await open();
    origin.says = (_request, response) => {
      response.writeHead(200, {
        'cache-control': 'public, max-age=60, s-maxage=90',
        'cdn-cache-control': 'max-age=99',
      });
      response.end('x');
    };
    for (const cacheStatus of ['stored', 'hit', 'hit']) {
      const answer = await ask(`/vod/v_1/a?hw_token=${token()}`);
      expect(answer.cacheStatus).toContain(cacheStatus);
      expect(answer.headers['cache-control']).toBe('private, max-age=60');
      expect(answer.headers).not.toHaveProperty('cdn-cache-control');
    }
  });

  it('are not walked around by another way to write them', async () => {
    const { ask, origin } = await open({ api: null });
    for (const path of ['/%76od/v_1/a', '//vod/v_1/a', '/vod//v_1/a', '/vod']) expect(await why(path)).toBe('missing');
    for (const path of ['/x/../vod/v_1/a', '/x/%2e%2e/vod/v_1/a', '/x%2f..%2fvod/a', '/.%2fvod/a', '/x\\..\\vod\\a']) {
      expect((await ask(path)).status).toBe(400);
    }
    expect(origin.asked).toEqual([]);
  });

  it('keep relative addresses signed by a token in the path', async () => {
    const { ask, origin } = await open({ api: null });
    expect((await ask(`/~${token()}/vod/v_1/index.m3u8`)).body).toBe('/vod/v_1/index.m3u8');
    expect(await why('/~1.x/vod/v_1/index.m3u8')).toBe('malformed');
    // Somebody's home page.
    expect((await ask('/~jo/index.html')).body).toBe('/~jo/index.html');
    expect(origin.asked).toEqual(['GET /vod/v_1/index.m3u8', 'GET /~jo/index.html']);
  });

  it('let preflights pass, which can carry nothing', async () => {
    const { ask } = await open();
    expect((await ask('/vod/v_1/a', { method: 'OPTIONS' })).status).toBe(200);
    expect((await ask('/vod/v_1/a', { method: 'HEAD' })).status).toBe(403);
  });

  it('are judged after the networks', async () => {
    const networks = new CurrentRules({
      everywhere: nobody,
      prefixes: [{ ...nobody, prefix: '/vod/', deny: networksOf('127.0.0.1') }],
      countries: new Map(),
    });
    const { ask } = await open({ gates: { networks } });
    const { status, cacheStatus } = await ask(`/~${token()}/vod/v_1/a`);
    expect([status, cacheStatus]).toEqual([403, 'Headwater; detail=network']);
  });
});
