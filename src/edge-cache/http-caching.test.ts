import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { gate, openScene, readAnswer, type Scene, type SceneOptions, until } from './edge.fixture.js';

/** What RFC 9111, RFC 5861 and RFC 9213 say of kept answers: the origin says, time passes, a client asks. */

type Fields = Record<string, string>;

interface Case {
  /** The origin's answer to whatever it is asked; `{ago:N}` is the date of so many seconds before. */
  readonly says: Fields;
  readonly status?: number;
  readonly laterSec?: number;
  readonly asks?: Fields;
  /** What the second request is answered from. */
  readonly gets: 'kept' | 'new' | 'confirmed' | 504;
}

const cases: Record<string, Record<string, Case>> = {
  'a lifetime that the origin does not state (RFC 9111 §4.2.2)': {
    'is a tenth of the time without a change': { says: { 'last-modified': '{ago:1000}' }, laterSec: 95, gets: 'kept' },
    'and no more': { says: { 'last-modified': '{ago:1000}' }, laterSec: 101, gets: 'new' },
    'is at most a day': { says: { 'last-modified': '{ago:999999999}' }, laterSec: 86_401, gets: 'new' },
    'is guessed for 404 too': { status: 404, says: { 'last-modified': '{ago:1000}' }, laterSec: 9, gets: 'kept' },
    'is not guessed for 403': { status: 403, says: { 'last-modified': '{ago:1000}' }, gets: 'new' },
    'but is for 403 that is public': {
      ...{ status: 403, says: { 'last-modified': '{ago:1000}', 'cache-control': 'public' } },
      gets: 'kept',
    },
    'is not guessed where one is stated': {
      says: { 'last-modified': '{ago:1000}', 'cache-control': 'max-age=0' },
      gets: 'new',
    },
    'is not guessed where Expires cannot be read': {
      says: { 'last-modified': '{ago:1000}', expires: '0' },
      gets: 'new',
    },
  },
  'what must be confirmed each time (RFC 9111 §5.2.2)': {
    'no-cache with a validator': { says: { 'cache-control': 'no-cache', etag: '"1"' }, gets: 'confirmed' },
    'no-cache beside a lifetime': { says: { 'cache-control': 'max-age=60, no-cache', etag: '"1"' }, gets: 'confirmed' },
    'max-age=0 with a validator': { says: { 'cache-control': 'max-age=0', etag: '"1"' }, gets: 'confirmed' },
    'nothing but a validator': { says: { etag: '"1"' }, gets: 'confirmed' },
    'no-store, whatever else it has': { says: { 'cache-control': 'no-store, max-age=60', etag: '"1"' }, gets: 'new' },
    'private, too': { says: { 'cache-control': 'private, max-age=60', etag: '"1"' }, gets: 'new' },
  },
  'must-understand (RFC 9111 §5.2.2.3)': {
    'lets no-store pass where the status is known': {
      says: { 'cache-control': 'max-age=60, no-store, must-understand' },
      gets: 'kept',
    },
    'forbids an unknown status': {
      ...{ status: 299, says: { 'cache-control': 'max-age=60, must-understand' } },
      gets: 'new',
    },
    'is needed for that': { status: 299, says: { 'cache-control': 'max-age=60' }, gets: 'kept' },
  },
  'fields that no-cache and private name (RFC 9111 §5.2.2.4, §5.2.2.7)': {
    'leave the rest to be kept': { says: { 'cache-control': 'max-age=60, no-cache="a, b"' }, gets: 'kept' },
    'the same of private': { says: { 'cache-control': 'private="a", max-age=60' }, gets: 'kept' },
    'a cookie among them': {
      says: { 'cache-control': 'max-age=60, private="Set-Cookie"', 'set-cookie': 'a=1' },
      gets: 'kept',
    },
    'another than the cookie': {
      says: { 'cache-control': 'max-age=60, private="a"', 'set-cookie': 'a=1' },
      gets: 'new',
    },
    'none at all: all of them': { says: { 'cache-control': 'max-age=60, no-cache=""' }, gets: 'new' },
    'what is no name: all of them': { says: { 'cache-control': 'max-age=60, private="a b"' }, gets: 'new' },
  },
  'what the client wishes (RFC 9111 §5.2.1)': {
    'no-cache': fresh({ 'cache-control': 'no-cache' }, 'confirmed'),
    'Pragma: no-cache': fresh({ pragma: 'no-cache' }, 'confirmed'),
    'Pragma beside Cache-Control': fresh({ pragma: 'no-cache', 'cache-control': 'max-age=60' }, 'kept'),
    'max-age=0': { ...fresh({ 'cache-control': 'max-age=0' }, 'confirmed'), laterSec: 1 },
    'a max-age that it is within': { ...fresh({ 'cache-control': 'max-age=5' }, 'kept'), laterSec: 5 },
    'a max-age that it is past': { ...fresh({ 'cache-control': 'max-age=5' }, 'confirmed'), laterSec: 6 },
    'min-fresh that it has': { ...fresh({ 'cache-control': 'min-fresh=50' }, 'kept'), laterSec: 10 },
    'min-fresh that it has not': { ...fresh({ 'cache-control': 'min-fresh=51' }, 'confirmed'), laterSec: 10 },
    'max-stale, any': { ...fresh({ 'cache-control': 'max-stale' }, 'kept'), laterSec: 600 },
    'a max-stale that it is within': { ...fresh({ 'cache-control': 'max-stale=10' }, 'kept'), laterSec: 69 },
    'a max-stale that it is past': { ...fresh({ 'cache-control': 'max-stale=10' }, 'confirmed'), laterSec: 71 },
    'max-stale against must-revalidate': {
      says: { 'cache-control': 'max-age=60, must-revalidate', etag: '"1"' },
      ...{ asks: { 'cache-control': 'max-stale' }, laterSec: 61, gets: 'confirmed' },
    },
    'only-if-cached, and it is': fresh({ 'cache-control': 'only-if-cached' }, 'kept'),
    'only-if-cached, and it is stale': { ...fresh({ 'cache-control': 'only-if-cached' }, 504), laterSec: 61 },
    'no-store uses what is kept': fresh({ 'cache-control': 'no-store' }, 'kept'),
    'what cannot be read is not there': {
      ...fresh({ 'cache-control': 'max-age=x, min-fresh="y' }, 'kept'),
      laterSec: 9,
    },
  },
  'CDN-Cache-Control (RFC 9213)': {
    'has the last word where it is longer': {
      says: { 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' },
      gets: 'kept',
    },
    'has the last word where it is shorter': {
      ...{ says: { 'cache-control': 'max-age=600', 'cdn-cache-control': 'max-age=60' }, laterSec: 61 },
      gets: 'new',
    },
    'makes Expires say nothing': {
      says: { expires: '{ago:-600}', 'cdn-cache-control': 'max-age=0' },
      gets: 'new',
    },
    'is no-store': { says: { 'cache-control': 'max-age=60', 'cdn-cache-control': 'no-store' }, gets: 'new' },
    'is not there where one member cannot be read': {
      says: { 'cache-control': 'max-age=60', 'cdn-cache-control': 'max-age=0, &' },
      gets: 'kept',
    },
    'is not there where it is empty': {
      says: { 'cache-control': 'max-age=60', 'cdn-cache-control': '' },
      gets: 'kept',
    },
    'knows no quoted numbers': { says: { 'cdn-cache-control': 'max-age="60"' }, gets: 'new' },
    'has parameters that say nothing': { says: { 'cdn-cache-control': 'max-age=60;a=1' }, gets: 'kept' },
  },
};

/** Fresh for a minute, and it can be confirmed. */
function fresh(asks: Fields, gets: Case['gets']): Case {
  return { says: { 'cache-control': 'max-age=60', etag: '"1"' }, asks, gets };
}

describe.each(['node', 'uws', 'uws-threads'] as const)('behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'> = {}): Promise<Scene> => {
    scene = await openScene({ engine, ...options });
    return scene;
  };
  afterEach(() => scene.close());

  /** The origin's body is how many requests it has answered; it answers 304 to who has its ETag. */
  const originSays = (status: number, says: Fields) => {
    const fields = (now: number) =>
      Object.entries(says).map(([name, value]) => [
        name,
        value.replace(/\{ago:(-?\d+)\}/, (_, ago) => new Date(now - Number(ago) * 1000).toUTCString()),
      ]);
    scene.origin.says = (request, response) => {
      const { etag } = says;
      const confirmed = etag !== undefined && request.headers['if-none-match'] === etag;
      const headers = { date: new Date(scene.clock.now).toUTCString(), ...Object.fromEntries(fields(scene.clock.now)) };
      response.writeHead(confirmed ? 304 : status, headers);
      response.end(confirmed ? undefined : `${scene.origin.asked.length}`);
    };
  };

  for (const [about, those] of Object.entries(cases)) {
    it.each(Object.entries(those))(`${about}: %s`, async (_, { says, status = 200, laterSec = 0, asks, gets }) => {
      await open();
      originSays(status, says);
      expect(await scene.ask('/page')).toMatchObject({ status, body: '1' });
      scene.clock.now += laterSec * 1000;
      const answer = await scene.ask('/page', { ...(asks && { headers: asks }) });
      expect({ asked: scene.origin.asked.length, status: answer.status }).toEqual({
        asked: gets === 'kept' || gets === 504 ? 1 : 2,
        status: gets === 504 ? 504 : status,
      });
      if (gets !== 504) expect(answer.body).toBe(gets === 'new' ? '2' : '1');
    });
  }

  it('keeps nothing of a request that says no-store', async () => {
    await open();
    originSays(200, { 'cache-control': 'max-age=60' });
    await scene.ask('/page', { headers: { 'cache-control': 'no-store' } });
    expect(scene.edge.stats().objects).toBe(0);
  });

  it('does not let clients decide how live media are kept', async () => {
    await open();
    originSays(200, { 'cache-control': 'max-age=60' });
    const path = '/media/b_0123456789abcdef/v720/7.m4s';
    await scene.ask(path);
    const headers = { 'cache-control': 'no-cache', pragma: 'no-cache' };
    expect((await scene.ask(path, { headers })).cacheStatus).toBe('Headwater; hit; ttl=60');
    expect(scene.origin.asked).toHaveLength(1);
  });

  it('serves a stale answer at once while it is fetched anew, once for all (RFC 5861 §3)', async () => {
    await open();
    originSays(200, { 'cache-control': 'max-age=1, stale-while-revalidate=10' });
    await scene.ask('/page');
    scene.clock.now += 5000;
    const { opened, open: letGo } = gate();
    const { says } = scene.origin;
    scene.origin.says = (...exchange) => void opened.then(() => says(...exchange));
    const answers = await Promise.all(Array.from({ length: 5 }, () => scene.ask('/page')));
    expect(answers.map(({ body }) => body)).toEqual(['1', '1', '1', '1', '1']);
    expect(answers[0]?.cacheStatus).toBe('Headwater; hit; ttl=-4; detail=stale-while-revalidate');
    letGo();
    await expect.poll(async () => (await scene.ask('/page')).body).toBe('2');
    expect(scene.origin.asked).toHaveLength(2);
    scene.clock.now += 11_001;
    expect((await scene.ask('/page')).body).toBe('3');
  });

  it.each([
    ['while the origin answers 503', 'max-age=1, stale-if-error=60', {}, 60, '1'],
    ['not for longer than it says', 'max-age=1, stale-if-error=60', {}, 62, '503'],
    ['where the client says so', 'max-age=1', { 'cache-control': 'stale-if-error=60' }, 60, '1'],
    ['not where nobody says so', 'max-age=1', {}, 2, '503'],
    ['not against must-revalidate', 'max-age=1, stale-if-error=60, must-revalidate', {}, 2, '503'],
    ['not against s-maxage', 's-maxage=1', { 'cache-control': 'stale-if-error=60' }, 2, '503'],
  ] as const)('serves a stale answer %s (RFC 5861 §4)', async (_, directives, headers, laterSec, body) => {
    await open();
    originSays(200, { 'cache-control': directives });
    await scene.ask('/page');
    scene.origin.says = (_request, response) => response.writeHead(503, { 'cache-control': 'max-age=60' }).end('503');
    scene.clock.now += laterSec * 1000;
    expect((await scene.ask('/page', { headers })).body).toBe(body);
  });

  it.each([
    ['max-age=1', 200],
    ['max-age=1, must-revalidate', 502],
    ['max-age=1, proxy-revalidate', 502],
    ['no-cache', 502],
    ['s-maxage=1', 502],
  ])('while the origin cannot be reached, %s gives %i', async (directives, status) => {
    await open({ staleIfErrorMs: 60_000 });
    originSays(200, { 'cache-control': directives, etag: '"1"' });
    await scene.ask('/page');
    scene.origin.says = (_request, response) => response.destroy();
    scene.clock.now += 5000;
    const answer = await scene.ask('/page');
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.cacheStatus).toBe('Headwater; fwd=stale; ttl=-4; detail=stale-if-error');
    scene.clock.now += 60_000;
    expect((await scene.ask('/page')).status).toBe(502);
  });

  it.each([
    ['POST', 201, { location: '/page' }, true],
    ['PUT', 204, { 'content-location': 'page?' }, true],
    ['DELETE', 200, { location: 'http://{host}/page' }, true],
    // uWebSockets.js closes the connection of a method that it does not know.
    ...(engine === 'node' ? ([['M-SEARCH', 200, { location: '/page' }, true]] as const) : []),
    ['POST', 302, { location: '/page' }, true],
    ['POST', 201, { location: 'http://elsewhere.example/page' }, false],
    ['POST', 201, { location: 'http://[' }, false],
    ['POST', 400, { location: '/page' }, false],
    ['OPTIONS', 200, { location: '/page' }, false],
  ] as const)(
    '%s that is answered %i with %o forgets what it names: %s (RFC 9111 §4.4)',
    async (method, status, named, forgets) => {
      await open();
      originSays(200, { 'cache-control': 'max-age=60' });
      await scene.ask('/page');
      const { says } = scene.origin;
      scene.origin.says = ({ headers: { host = '' } }, response) => {
        const [[name, value] = ['', '']] = Object.entries(named);
        response.writeHead(status, { [name]: value.replace('{host}', host) }).end();
      };
      const host = `127.0.0.1:${scene.origin.url.port}`;
      await scene.ask('/other', { method, headers: { host } });
      scene.origin.says = says;
      expect((await scene.ask('/page')).body).toBe(forgets ? '3' : '1');
    },
  );

  it('gives a field that is withheld to whoever caused the fetch, and to nobody else', async () => {
    await open();
    const { opened, open: letGo } = gate();
    const fields = { 'cache-control': 'max-age=60, private="set-cookie"', 'set-cookie': 'a=1', a: '1' };
    scene.origin.says = (_request, response) => void opened.then(() => response.writeHead(200, fields).end('body'));
    const answers = ['first', 'second', 'third'].map(() => scene.ask('/page'));
    await expect.poll(() => scene.received.count).toBe(3);
    letGo();
    const cookies = [...(await Promise.all(answers)), await scene.ask('/page')].map(
      ({ headers }) => headers['set-cookie'],
    );
    expect(cookies.filter((each) => each !== undefined)).toEqual([['a=1']]);
    expect(scene.origin.asked).toHaveLength(1);
  });

  it.each([
    ['confirms', { etag: '"1"', 'content-length': '1' }, '1'],
    ['shows another tag', { etag: '"2"' }, '3'],
    ['shows another length', { etag: '"1"', 'content-length': '7' }, '3'],
    ['shows no validator', {}, '3'],
    ['says no-store now', { etag: '"1"', 'cache-control': 'no-store' }, '3'],
  ])('a HEAD that %s what is kept (RFC 9111 §4.3.5)', async (_, fields, body) => {
    await open();
    originSays(200, { 'cache-control': 'max-age=60', etag: '"1"', a: 'old' });
    await scene.ask('/page');
    scene.clock.now += 61_000;
    const { says } = scene.origin;
    const date = new Date(scene.clock.now).toUTCString();
    scene.origin.says = (_request, response) =>
      response.writeHead(200, { 'cache-control': 'max-age=60', date, a: 'new', ...fields } as Fields).end();
    expect((await scene.ask('/page', { method: 'HEAD' })).headers.a).toBe('new');
    scene.origin.says = says;
    const answer = await scene.ask('/page');
    expect([answer.body, answer.headers.a]).toEqual([body, body === '1' ? 'new' : 'old']);
  });

  it.each(['/page', '/v1/page'])(
    'passes interim answers of %s on, where the engine can (RFC 9110 §15.2)',
    async (path) => {
      await open();
      const hints = ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script'];
      const says: RequestListener = (_request, response) => {
        response.writeEarlyHints({ link: hints });
        response.writeProcessing();
        response.writeHead(200, { 'cache-control': 'max-age=60' }).end('body');
      };
      Object.assign(scene.origin, { says });
      Object.assign(scene.api, { says });
      const told: [number, unknown][] = [];
      const sent = scene.open(path);
      sent.on('information', ({ statusCode, headers }) => told.push([statusCode, headers.link]));
      expect((await readAnswer(sent)).body).toBe('body');
      const expected = [
        [103, hints.join(', ')],
        [102, undefined],
      ];
      expect(told).toEqual(engine === 'node' ? expected : []);
    },
  );

  it('refreshes the kept head with that of a confirmation (RFC 9111 §3.2)', async () => {
    await open();
    scene.origin.says = (request, response) => {
      const [status, type, a] = request.headers['if-none-match'] ? [304, 'text/html', '2'] : [200, 'text/plain', '1'];
      response.writeHead(status, {
        etag: '"1"',
        'content-type': type,
        a,
        connection: 'b',
        b: 'hop',
        'cache-control': 'max-age=1',
      });
      response.end(status === 200 ? 'body' : undefined);
    };
    await scene.ask('/page');
    scene.clock.now += 5000;
    for (const _ of ['confirmed', 'kept']) {
      const { body, headers } = await scene.ask('/page');
      expect([body, headers['content-type'], headers.a, headers.b]).toEqual(['body', 'text/html', '2', undefined]);
    }
  });

  it.each(['GET', 'POST'])('refuses a %s that it has sent itself (RFC 8586)', async (method) => {
    await open();
    scene.origin.says = (request, response) => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      scene.ask('/page', { method, headers }).then(({ status, body }) => response.writeHead(status).end(body));
    };
    expect((await scene.ask('/page', { method, headers: { 'cdn-loop': 'other; a=1' } })).status).toBe(508);
    expect(scene.origin.requests.map(({ headers }) => headers['cdn-loop'])).toEqual([
      expect.stringMatching(/^other; a=1, headwater-\w{16}$/),
    ]);
  });

  it('shares what must be confirmed each time with nobody else', async () => {
    await open();
    originSays(200, { 'cache-control': 'no-cache', etag: '"1"' });
    const { says } = scene.origin;
    // One that came after the first was answered would have that confirmed, rightly.
    const allAsked = until(() => scene.received.count === 4, 'all have asked');
    scene.origin.says = (request, response) => void allAsked.then(() => says(request, response));
    const answers = await Promise.all(Array.from({ length: 4 }, () => scene.ask('/page')));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(4);
  });
});
