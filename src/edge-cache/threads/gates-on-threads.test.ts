import { afterEach, describe, expect, it } from 'vitest';
import { loadUws } from '../../http/load-uws.js';
import { askUntilLent, openScene, type Scene, type SceneOptions, until } from '../edge.fixture.js';
import { echo, linesInto, networksOf } from '../gates/gates.fixture.js';
import { writeToken } from '../gates/signed-token.js';

const noLimits = { requestsPerSec: null, burst: 1, inFlightMax: null, connectionsMax: null };

/** What two threads let pass, refuse and write down, without the thread that owns the cache. */
describe.skipIf(!loadUws().loaded)('the gates of threads', () => {
  let scene: Scene;
  afterEach(() => scene.close());
  const open = async (gates: NonNullable<SceneOptions['gates']>) => {
    scene = await openScene({ engine: 'uws-threads', threads: 2, api: null, originSays: echo, gates });
  };

  it.each([
    ['requests a second', { requestsPerSec: 1, burst: 10 }],
    ['requests under way', { inFlightMax: 10 }],
  ])('count %s of a client together', async (_, limits) => {
    await open({ limits: { ...noLimits, ...limits } });
    const held: (() => void)[] = [];
    scene.origin.says = (_request, response) => void held.push(() => response.end());
    const asked = Array.from({ length: 60 }, (_each, at) => scene.ask(`/${at}`));
    await until(() => held.length === 10, 'as many as may come are there');
    const refused = await Promise.race([...asked, new Promise<null>((resolve) => setTimeout(resolve, 10_000, null))]);
    expect(refused?.status).toBe(429);
    for (const answer of held) answer();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(50);
    expect(await scene.metricsText()).toMatch(/edge_gate_refusals_total\{gate="(rate|in-flight)"\} 50/);
    expect(await scene.metricsText()).toContain('edge_requests_total{outcome="refused"} 50');
  });

  it('take tokens off, and what is lent is answered to who has one', async () => {
    const key = { id: 'k1', secret: 'a secret for these tests' };
    await open({ signed: { prefixes: ['/vod/'], keys: [key], parameter: 'hw_token' } });
    const token = writeToken(key, { exp: Math.floor(scene.clock.now / 1000) + 60, paths: ['/vod/'] });
    await askUntilLent(scene, `/~${token}/vod/a`);
    const before = scene.received.count;
    const answers = [
      await scene.ask(`/~${token}/vod/a`),
      await scene.ask(`/vod/a?hw_token=${token}`),
      await scene.ask('/vod/a', { headers: { cookie: `hw_token=${token}` } }),
      await scene.ask('/vod/a'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 403]);
    expect(scene.received.count).toBe(before);
    expect(scene.origin.asked).toEqual(['GET /vod/a']);
    const [byPath, , byCookie] = answers;
    expect(byPath?.headers['cache-control']).toMatch(/^private/);
    expect(byPath?.headers['set-cookie']?.[0]).toContain('Path=/vod/');
    expect(byCookie?.headers['set-cookie']).toBeUndefined();
  });

  it('write down what they answer and what they refuse, each once', async () => {
    const written: { path: string; client: string; cache: string; status: number }[] = [];
    await open({
      accessLog: { lines: linesInto(written), sample: 1, anonymize: false },
      trustedProxies: networksOf('127.0.0.1'),
      limits: { ...noLimits, requestsPerSec: 0.001, burst: 1000 },
    });
    const headers = { 'x-forwarded-for': '192.0.2.7' };
    const before = { written: await askUntilLent(scene, '/a', { headers }), received: scene.received.count };
    await until(() => written.length === before.written, 'these are written down');
    await Promise.all(Array.from({ length: 100 }, () => scene.ask('/a', { headers })));
    await until(() => written.length >= before.written + 100, 'all are written down');
    expect(scene.received.count).toBe(before.received);
    const own = written.slice(before.written);
    expect(own).toHaveLength(100);
    expect(new Set(own.map(({ client, cache, status, path }) => [client, cache, status, path].join(' ')))).toEqual(
      new Set(['192.0.2.7 hit 200 /a']),
    );
    let status = 200;
    let asked = 0;
    while (status === 200) {
      ({ status } = await scene.ask('/b', { headers }));
      asked += 1;
    }
    await until(() => written.length === before.written + 100 + asked, 'the refusal is written down too');
    // Lines of two threads come in either order.
    const refused = written.filter(({ status }) => status === 429);
    expect(refused).toMatchObject([{ cache: 'refused', path: '/b' }]);
  });
});
