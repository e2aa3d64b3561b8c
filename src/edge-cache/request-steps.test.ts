import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { openScene, type Scene, type SceneOptions } from './edge.fixture.js';

const playlist: RequestListener = (_request, response) => {
  response.writeHead(200, { 'cache-control': 'max-age=4', etag: '"one"', 'content-type': 'text/plain' });
  response.end('0123456789');
};

describe.each(['node', 'uws', 'uws-threads'] as const)('the cached space behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
    scene = await openScene({ engine, ...options });
    return scene;
  };
  afterEach(() => scene.close());

  it('fetches once, then hits until the lifetime is over', async () => {
    const { origin, ask, clock } = await open({ originSays: playlist });
    const first = await ask('/live/a/index.m3u8');
    expect(first).toMatchObject({ status: 200, body: '0123456789' });
    expect(first.cacheStatus).toBe('Headwater; fwd=uri-miss; fwd-status=200; stored; ttl=4');
    clock.now += 3000;
    const second = await ask('/live/a/index.m3u8');
    expect(second.cacheStatus).toBe('Headwater; hit; ttl=1');
    expect(second.headers).toMatchObject({ age: '3', 'content-length': '10', 'content-type': 'text/plain' });
    expect(origin.asked).toEqual(['GET /live/a/index.m3u8']);
  });

  it('adds the age that the answer had upstream to its own', async () => {
    const { ask, clock } = await open({
      originSays: (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=60', age: '20' }).end('x');
      },
    });
    await ask('/a');
    clock.now += 5000;
    expect((await ask('/a')).headers.age).toBe('25');
    clock.now += 35_001;
    expect((await ask('/a')).cacheStatus).toContain('fwd=stale');
  });

  it('counts a Date in the past as age', async () => {
    const { ask, clock } = await open({
      originSays: (_request, response) => {
        const date = new Date(clock.now - 30_000).toUTCString();
        response.writeHead(200, { 'cache-control': 'max-age=60', date }).end('x');
      },
    });
    await ask('/a');
    const { headers, cacheStatus } = await ask('/a');
    expect(headers.age).toBe('30');
    expect(cacheStatus).toBe('Headwater; hit; ttl=30');
  });

  it('confirms a stale object by its ETag and serves the kept bytes', async () => {
    const { origin, ask, clock } = await open({ originSays: playlist });
    await ask('/a');
    clock.now += 4001;
    origin.says = (request, response) => {
      expect(request.headers['if-none-match']).toBe('"one"');
      response.writeHead(304, { etag: '"one"', 'cache-control': 'max-age=9', date: new Date(clock.now).toUTCString() });
      response.end();
    };
    const confirmed = await ask('/a');
    expect(confirmed).toMatchObject({ status: 200, body: '0123456789' });
    expect(confirmed.cacheStatus).toBe('Headwater; fwd=stale; fwd-status=304; stored; ttl=9');
    expect((await ask('/a')).cacheStatus).toBe('Headwater; hit; ttl=9');
    expect(confirmed.headers['content-type']).toBe('text/plain');
  });

  it('replaces a stale object by a new answer', async () => {
    const { origin, ask, clock } = await open({ originSays: playlist });
    await ask('/a');
    clock.now += 4001;
    origin.says = (_request, response) => {
      const date = new Date(clock.now).toUTCString();
      response.writeHead(200, { 'cache-control': 'max-age=4', date }).end('new');
    };
    expect((await ask('/a')).body).toBe('new');
    expect(await ask('/a')).toMatchObject({ body: 'new', cacheStatus: 'Headwater; hit; ttl=4' });
  });

  it('keeps a 404 as long as it says', async () => {
    const { origin, ask, clock } = await open({
      originSays: (_request, response) => response.writeHead(404, { 'cache-control': 'max-age=1' }).end('not yet'),
    });
    await ask('/media/b_0123456789/v720/9.m4s');
    expect(await ask('/media/b_0123456789/v720/9.m4s')).toMatchObject({ status: 404, body: 'not yet' });
    expect(origin.asked).toHaveLength(1);
    clock.now += 1001;
    await ask('/media/b_0123456789/v720/9.m4s');
    expect(origin.asked).toHaveLength(2);
  });

  it.each(['no-store', 'private', 'no-cache', 'max-age=0', 'max-age=x'])(
    'keeps nothing under %s',
    async (directive) => {
      const { origin, ask } = await open({
        originSays: (_request, response) => response.writeHead(200, { 'cache-control': directive }).end('x'),
      });
      expect((await ask('/page')).cacheStatus).toMatch(/^Headwater; fwd=uri-miss; fwd-status=200; detail=/);
      expect((await ask('/page')).cacheStatus).toBe('Headwater; fwd=uri-miss; fwd-status=200; detail=hit-for-miss');
      expect(origin.asked).toHaveLength(2);
    },
  );

  it('forgets what it kept once the upstream has something else that must not be kept', async () => {
    const { origin, ask, clock, edge } = await open({ originSays: playlist });
    await ask('/a');
    clock.now += 4001;
    origin.says = (_request, response) => response.writeHead(200, { 'cache-control': 'no-store' }).end('new');
    expect((await ask('/a')).body).toBe('new');
    expect(edge.stats().objects).toBe(0);
  });

  it('shares again once an address becomes cacheable', async () => {
    const { origin, ask } = await open({
      originSays: (_request, response) => response.writeHead(200, { 'cache-control': 'no-store' }).end('x'),
    });
    await ask('/page');
    origin.says = playlist;
    expect((await ask('/page')).cacheStatus).toBe(
      'Headwater; fwd=uri-miss; fwd-status=200; stored; ttl=4; detail=hit-for-miss',
    );
    expect((await ask('/page')).cacheStatus).toBe('Headwater; hit; ttl=4');
    expect(origin.asked).toHaveLength(2);
  });

  it('answers single ranges of a kept object', async () => {
    const { ask } = await open({ originSays: playlist });
    await ask('/a');
    const range = async (value: string, more = {}) => {
      const { status, body, headers } = await ask('/a', { headers: { range: value, ...more } });
      return [status, body, headers['content-range']];
    };
    expect(await range('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await range('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await range('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await range('bytes=8-99')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await range('bytes=0-1,2-4')).toEqual([206, '01234', 'bytes 0-4/10']);
    expect(await range('bytes=0-1,b')).toEqual([200, '0123456789', undefined]);
    expect(await range('bytes=2-4', { 'if-range': '"one"' })).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await range('bytes=2-4', { 'if-range': '"two"' })).toEqual([200, '0123456789', undefined]);
    const [status, problem, contentRange] = await range('bytes=10-');
    expect([status, contentRange]).toEqual([416, 'bytes */10']);
    expect(JSON.parse(String(problem))).toMatchObject({ status: 416, title: 'Range Not Satisfiable' });
  });

  it('fetches the whole for a cold range, and keeps it', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    const cold = await ask('/a', { headers: { range: 'bytes=2-4' } });
    expect(cold).toMatchObject({ status: 206, body: '234' });
    expect(origin.requests[0]?.headers.range).toBeUndefined();
    expect(await ask('/a')).toMatchObject({ status: 200, body: '0123456789', cacheStatus: 'Headwater; hit; ttl=4' });
  });

  it('passes the range of a large object upstream', async () => {
    const { origin, ask, edge } = await open({
      objectBytesMax: 4,
      originSays: (request, response) => {
        const part = request.headers.range === 'bytes=2-4';
        const head = { 'cache-control': 'max-age=60', ...(part ? { 'content-range': 'bytes 2-4/10' } : {}) };
        const body = part ? '234' : '0123456789';
        response.writeHead(part ? 206 : 200, { ...head, 'content-length': body.length }).end(body);
      },
    });
    const cold = await ask('/a', { headers: { range: 'bytes=2-4' } });
    expect(cold).toMatchObject({ status: 206, body: '234' });
    expect(cold.cacheStatus).toBe('Headwater; fwd=uri-miss; fwd-status=206; detail=too-large');
    expect(await ask('/a')).toMatchObject({ status: 200, body: '0123456789' });
    expect(origin.asked).toHaveLength(3);
    expect(edge.stats().objects).toBe(0);
  });

  it('answers 304 to a client that holds it', async () => {
    const { ask } = await open({
      originSays: (_request, response) => {
        response.writeHead(200, {
          'cache-control': 'max-age=4',
          etag: 'W/"one"',
          'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT',
        });
        response.end('x');
      },
    });
    await ask('/a');
    const status = async (headers: Record<string, string>) => (await ask('/a', { headers })).status;
    expect(await status({ 'if-none-match': '"zero", "one"' })).toBe(304);
    expect(await status({ 'if-none-match': '*' })).toBe(304);
    expect(await status({ 'if-none-match': '"two"' })).toBe(200);
    expect(await status({ 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' })).toBe(304);
    expect(await status({ 'if-modified-since': 'Sun, 06 Nov 1994 08:49:36 GMT' })).toBe(200);
    const held = { 'if-none-match': '"two"', 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' };
    expect(await status(held)).toBe(200);
    const answer = await ask('/a', { headers: { 'if-none-match': '"one"' } });
    expect(answer).toMatchObject({ body: '', headers: { etag: 'W/"one"', age: '0' } });
  });

  it('answers HEAD from a kept object, and passes a cold one on as HEAD', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    const cold = await ask('/a', { method: 'HEAD' });
    expect(cold).toMatchObject({ status: 200, body: '' });
    await ask('/a');
    const warm = await ask('/a', { method: 'HEAD' });
    expect(warm).toMatchObject({ status: 200, body: '', cacheStatus: 'Headwater; hit; ttl=4' });
    expect(warm.headers['content-length']).toBe('10');
    expect(origin.asked).toEqual(['HEAD /a', 'GET /a']);
  });

  it('passes other methods on, and forgets what they may have changed', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    await ask('/a');
    const options = await ask('/a', { method: 'OPTIONS' });
    expect(options.cacheStatus).toBe('Headwater; fwd=method; fwd-status=200');
    expect((await ask('/a')).cacheStatus).toContain('hit');
    await ask('/a', { method: 'POST', body: 'change' });
    expect((await ask('/a')).cacheStatus).toContain('fwd=uri-miss');
    expect(origin.asked).toEqual(['GET /a', 'OPTIONS /a', 'POST /a', 'GET /a']);
  });

  it('keeps one object for each variant', async () => {
    const { origin, ask } = await open({
      originSays: (request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'Accept-Language' });
        response.end(String(request.headers['accept-language']));
      },
    });
    const speak = async (language: string) => {
      const { body, cacheStatus } = await ask('/a', { headers: { 'accept-language': language } });
      return [body, cacheStatus.split(';')[1]?.trim()];
    };
    expect(await speak('de')).toEqual(['de', 'fwd=uri-miss']);
    expect(await speak('en')).toEqual(['en', 'fwd=vary-miss']);
    expect(await speak('de')).toEqual(['de', 'hit']);
    expect(await speak('en')).toEqual(['en', 'hit']);
    expect(origin.asked).toHaveLength(2);
  });

  it('keeps answers to credentials only where the origin says that they are for all', async () => {
    const { ask } = await open({
      originSays: (request, response) => {
        const kind = request.url === '/open' ? 'public, max-age=60' : 'max-age=60';
        response.writeHead(200, { 'cache-control': kind }).end(String(request.headers.authorization));
      },
    });
    const as = (who: string, path: string) => ask(path, { headers: { authorization: who } });
    await as('ann', '/own');
    expect((await as('bob', '/own')).body).toBe('bob');
    await as('ann', '/open');
    expect(await as('bob', '/open')).toMatchObject({ body: 'ann', cacheStatus: 'Headwater; hit; ttl=60' });
  });

  it('lets nothing of one client reach the shared answer', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    await ask('/a', {
      headers: {
        cookie: 'session=1',
        'x-forwarded-host': 'evil.example',
        'if-none-match': '"one"',
        connection: 'x-secret, close',
        'x-secret': '1',
        accept: 'text/plain',
      },
    });
    const seen = origin.requests[0]?.headers ?? {};
    expect(seen).toMatchObject({ accept: 'text/plain', via: '1.1 headwater', host: origin.url.host });
    for (const name of ['cookie', 'x-forwarded-host', 'if-none-match', 'x-secret']) {
      expect(seen[name], name).toBeUndefined();
    }
  });

  it('says after the upstream what it did itself', async () => {
    const { ask } = await open({
      originSays: (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=60', 'cache-status': 'Shield; hit' }).end('x');
      },
    });
    await ask('/a');
    expect((await ask('/a')).cacheStatus).toBe('Shield; hit, Headwater; hit; ttl=60');
  });

  it('drops meaningless parameters of media addresses, and keeps those of HLS', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    await ask('/live/a/v720.m3u8?session=1&_HLS_part=2&_HLS_msn=1');
    await ask('/live/a/v720.m3u8?_HLS_msn=1&_HLS_part=2&token=x');
    await ask('/watch/a?from=mail');
    expect(origin.asked).toEqual(['GET /live/a/v720.m3u8?_HLS_msn=1&_HLS_part=2', 'GET /watch/a?from=mail']);
  });

  it.each(['/a/../b', '/a/%2e%2e/b', '/a%2Fb', '/a%5cb', '/a%00', '/%zz', `/${'a'.repeat(3000)}`])(
    'refuses %s with a clear problem',
    async (path) => {
      const { origin, api, ask } = await open({});
      for (const root of ['', '/v1']) {
        const { status, headers, body, cacheStatus } = await ask(root + path);
        expect(status).toBe(400);
        expect(headers['content-type']).toBe('application/problem+json');
        expect(JSON.parse(body).detail).toMatch(/path/);
        expect(cacheStatus).toBe('Headwater; detail=refused');
      }
      expect([...origin.asked, ...api.asked]).toEqual([]);
    },
  );

  it('takes differently spelt addresses as one', async () => {
    const { origin, ask } = await open({ originSays: playlist });
    await ask('/%61%c3%bc');
    await ask('/a%C3%BC');
    expect(origin.asked).toEqual(['GET /a%C3%BC']);
  });

  it('counts what it does', async () => {
    const { ask, edge, metrics } = await open({ originSays: playlist, apiSays: playlist });
    for (let times = 0; times < 4; times += 1) await ask('/a');
    await ask('/v1/videos');
    const stats = edge.stats();
    expect(stats).toMatchObject({ hits: 3, misses: 1, hitRatio: 0.75, bytesServed: 50, objects: 1 });
    expect(stats.memoryBytes).toBeGreaterThan(10);
    const text = await metrics.text();
    expect(text).toContain('headwater_edge_requests_total{outcome="hit"} 3');
    expect(text).toMatch(/^headwater_edge_upstream_requests_total\{upstream="api",server="[^"]+"\} 1$/m);
    expect(text).toMatch(/headwater_edge_memory_bytes\{use="filling"\} 0/);
  });
});
