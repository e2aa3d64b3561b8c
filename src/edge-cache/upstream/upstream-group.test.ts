import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Behind, headOf, openBehind, openScene, type Scene, type SceneOptions, until } from '../edge.fixture.js';

/** What every server of the content says of an address: its bytes follow from it, so that a client can tell a wrong one. */
const bodyOf = (path: string): string => createHash('sha512').update(path).digest('hex').repeat(40);
const unkept: RequestListener = ({ url = '' }, response) =>
  void response.writeHead(200, { 'cache-control': 'no-store', 'x-path': url }).end(bodyOf(url));

describe('several upstreams', () => {
  let scene: Scene;
  let servers: Behind[];
  let steady: { now: number };
  const paths = Array.from({ length: 40 }, (_, at) => `/film/${at}.bin`);

  beforeEach(async () => {
    steady = { now: performance.now() };
    servers = await Promise.all([openBehind(unkept), openBehind(unkept), openBehind(unkept)]);
  });
  afterEach(async () => {
    await scene.close();
    await Promise.all(servers.map((server) => server.close().catch(() => undefined)));
  });

  const open = async (options: Partial<SceneOptions> = {}): Promise<void> => {
    const origin = servers.map(({ url }) => ({ url, weight: 1 }));
    scene = await openScene({ engine: 'node', api: null, origin, steadyNow: () => steady.now, ...options });
  };
  /** Asks for all, and checks every byte. */
  const askAll = async (asked: readonly string[] = paths): Promise<void> => {
    for (const path of asked) expect(await scene.ask(path)).toMatchObject({ status: 200, body: bodyOf(path) });
  };
  const forget = (): void => {
    for (const server of servers) server.asked.length = 0;
  };
  /** Which addresses each is asked for, healthy. */
  const homes = async (): Promise<Map<Behind, string[]>> => {
    await askAll();
    const found = new Map(servers.map((server) => [server, server.asked.map((line) => line.split(' ')[1] ?? '')]));
    forget();
    return found;
  };
  const metric = async (line: string): Promise<number> => {
    const text = await scene.metrics.text();
    const found = text.split('\n').filter((each) => each.startsWith(`headwater_${line}`));
    return found.reduce((sum, each) => sum + Number(each.split(' ').at(-1)), 0);
  };

  it('are asked for the same addresses each time, each for its part', async () => {
    await open();
    const before = await homes();
    for (const asked of before.values()) expect(asked.length).toBeGreaterThan(0);
    expect(await homes()).toEqual(before);
  });

  it.each([
    ['does not answer at all', (request: Parameters<RequestListener>[0]) => void request.socket.resetAndDestroy()],
    ['is in trouble (503)', (_: unknown, response: Parameters<RequestListener>[1]) => response.writeHead(503).end()],
  ])('are asked instead of one that %s, which is left out, tried again, and back', async (_how, says) => {
    await open();
    const [sick] = servers;
    const before = await homes();
    if (sick === undefined) return;
    sick.says = says as RequestListener;
    const its = before.get(sick) ?? [];
    for (let times = 0; times < 3; times += 1) await askAll(its);
    expect(await metric(`edge_upstream_in_service{server="${sick.url.host}`)).toBe(0);
    expect(await metric('edge_upstream_ejections_total')).toBe(1);
    expect(await metric('edge_upstream_retries_total')).toBeGreaterThan(0);
    forget();
    await askAll();
    expect(sick.asked).toEqual([]);
    // Its trial fails: it is left out for twice as long.
    steady.now += 10_000 + 30_000;
    await askAll();
    expect(sick.asked.length).toBeGreaterThan(0);
    expect(await metric('edge_upstream_ejections_total')).toBe(2);
    forget();
    steady.now += 15_000;
    await askAll();
    expect(sick.asked).toEqual([]);
    // Then it is well.
    sick.says = unkept;
    steady.now += 5000 + 30_000;
    await askAll();
    expect(await metric(`edge_upstream_in_service{server="${sick.url.host}`)).toBe(1);
    forget();
    expect((await homes()).get(sick)).toEqual(its);
  });

  it('start slowly when they are back', async () => {
    await open();
    const [sick] = servers;
    const its = (await homes()).get(sick as Behind) ?? [];
    if (sick === undefined) return;
    sick.says = ({ socket }) => void socket.resetAndDestroy();
    for (let times = 0; times < 3; times += 1) await askAll(its);
    sick.says = unkept;
    forget();
    steady.now += 10_000;
    await askAll();
    const asked = sick.asked.length;
    expect(asked).toBeLessThan(its.length);
    steady.now += 30_000;
    await askAll();
    expect(sick.asked.length - asked).toBe(its.length);
  });

  it('go on though one is gone for good (connection refused)', async () => {
    await open();
    await servers[1]?.close();
    for (let times = 0; times < 3; times += 1) await askAll();
    expect(await metric(`edge_upstream_in_service{server="${servers[1]?.url.host}`)).toBe(0);
    expect(await metric('edge_requests_total{outcome="failed"}')).toBe(0);
  });

  it('leave time for one another: one that hangs costs half the deadline', async () => {
    await open({
      originLimits: { headMs: 4000 },
      originHealth: { failuresMax: 2 },
      steadyNow: () => performance.now(),
    });
    const [sick] = servers;
    const its = (await homes()).get(sick as Behind) ?? [];
    if (sick === undefined) return;
    sick.says = () => undefined;
    await Promise.all(its.map((path) => askAll([path])));
    expect(await metric(`edge_upstream_in_service{server="${sick.url.host}`)).toBe(0);
  });

  it('serve again when one of them does', async () => {
    await open();
    for (const server of servers) server.says = ({ socket }) => void socket.resetAndDestroy();
    for (const path of paths) expect((await scene.ask(path)).status).toBe(502);
    const [well] = servers;
    if (well === undefined) return;
    well.says = unkept;
    // All are tried: it is found with the first request that is for it.
    for (const path of paths) await scene.ask(path);
    await askAll();
  });

  it('that merely struggle are not all left out', async () => {
    await open();
    for (const server of servers) server.says = (_request, response) => response.writeHead(503).end();
    for (const path of paths) expect((await scene.ask(path)).status).toBe(503);
    expect(await metric('edge_upstream_in_service')).toBe(2);
  });

  it('hand on the answer of one that struggles when no other answers', async () => {
    await open();
    servers.forEach((server, at) => {
      server.says =
        at === 0 ? (_request, response) => response.writeHead(503).end('later') : ({ socket }) => socket.destroy();
    });
    const found = new Set<number>();
    for (const path of paths.slice(0, 10)) found.add((await scene.ask(path)).status);
    expect([...found].filter((status) => status !== 502 && status !== 503)).toEqual([]);
    expect(found.has(503)).toBe(true);
  });

  it('get no request a second time that may not be repeated', async () => {
    await open();
    for (const server of servers) server.says = ({ socket }) => void socket.resetAndDestroy();
    for (const [at, path] of paths.entries()) {
      expect((await scene.ask(path, { method: 'POST', body: 'buy one' })).status).toBe(502);
      expect(servers.flatMap(({ asked }) => asked)).toHaveLength(at + 1);
    }
  });

  it('are not stormed when all of them fail', async () => {
    await open();
    for (const server of servers) server.says = ({ socket }) => void socket.resetAndDestroy();
    for (let times = 0; times < 10; times += 1) {
      await Promise.all(paths.map(async (path) => expect((await scene.ask(`${path}?${times}`)).status).toBe(502)));
    }
    const asked = servers.flatMap((server) => server.asked).length;
    expect(asked).toBeGreaterThanOrEqual(400);
    // A fifth of what is sent, on top of the hundred that a calm time saves.
    expect(asked).toBeLessThanOrEqual(100 + 400 * 1.25);
    expect(await metric('edge_upstream_retries_total{upstream="origin",outcome="refused"}')).toBeGreaterThan(0);
  });

  it('are not asked for a client that has left', async () => {
    await open({ originLimits: { headMs: 60_000 } });
    for (const server of servers) server.says = () => undefined;
    // A single client's own request: nobody else waits for it.
    const leaving = scene.open('/a', { headers: { 'cache-control': 'no-store' } });
    await until(() => servers.flatMap(({ asked }) => asked).length === 1, 'one is asked');
    leaving.destroy();
    const asked = servers.find((server) => server.asked.length > 0);
    await until(() => asked?.requests[0]?.socket.destroyed === true, 'its request is cancelled');
    expect(servers.flatMap((server) => server.asked)).toHaveLength(1);
  });

  it('are not all kept waiting by one that still hangs when it is tried again', async () => {
    await open({ originLimits: { headMs: 2000 }, originHealth: { failuresMax: 1, slowStartMs: 0 } });
    const [sick] = servers;
    const its = (await homes()).get(sick as Behind) ?? [];
    if (sick === undefined) return;
    sick.says = ({ socket }) => void socket.resetAndDestroy();
    await askAll(its.slice(0, 1));
    sick.says = () => undefined;
    forget();
    steady.now += 10_000;
    await Promise.all(its.map((path) => askAll([path])));
    expect(sick.asked).toHaveLength(1);
  });

  it('are not blamed for what they held back until nothing came', async () => {
    await open();
    for (const server of servers) server.says = (_request, response) => response.writeHead(503).end();
    for (let times = 0; times < 20; times += 1) {
      expect((await scene.ask(`/live.m3u8?_HLS_msn=${times}`)).status).toBe(503);
    }
    expect(servers.flatMap((server) => server.asked)).toHaveLength(20);
    expect(await metric('edge_upstream_ejections_total')).toBe(0);
  });

  it('give what the origin may hold back all its time', async () => {
    await open({ heldLimits: { headMs: 3000 }, steadyNow: () => performance.now() });
    for (const server of servers) {
      server.says = ({ url = '' }, response) => void setTimeout(() => response.end(bodyOf(url)), 2000);
    }
    await askAll(['/live.m3u8?_HLS_msn=7']);
    expect(servers.flatMap((server) => server.asked)).toHaveLength(1);
  });

  it('are left out while they fail their probes, and are back when they pass', async () => {
    const probe = { path: '/up', intervalMs: 20 };
    const [sick] = servers;
    let well = true;
    for (const server of servers) {
      server.says = (request, response) => {
        if (request.method !== 'HEAD') return unkept(request, response);
        response.writeHead(server === sick && !well ? 500 : 200).end();
      };
    }
    await open({ originHealth: { probe } });
    const gauge = () => metric(`edge_upstream_in_service{server="${sick?.url.host}`);
    const reaches = async (value: number) => {
      while ((await gauge()) !== value) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    well = false;
    await reaches(0);
    forget();
    await askAll();
    expect(sick?.asked.filter((line) => !line.startsWith('HEAD'))).toEqual([]);
    expect(await metric('edge_upstream_ejections_total')).toBe(1);
    well = true;
    await reaches(1);
    steady.now += 30_000;
    await askAll();
    expect(sick?.asked.filter((line) => !line.startsWith('HEAD')).length).toBeGreaterThan(0);
  });

  it('take connections by weight', async () => {
    await open({ origin: servers.map(({ url }, at) => ({ url, weight: at === 0 ? 20 : 1 })) });
    const found = [...(await homes()).values()].map((its) => its.length);
    expect(found[0]).toBeGreaterThan(25);
  });

  it('that cut their bodies are left out, too', async () => {
    await open();
    const [sick] = servers;
    const its = (await homes()).get(sick as Behind) ?? [];
    if (sick === undefined) return;
    sick.says = (_request, response) => {
      response.writeHead(200, { 'cache-control': 'no-store', 'content-length': 10_000 }).write('begin');
      setTimeout(() => response.destroy(), 20);
    };
    for (let times = 0; times < 50; times += 1) {
      if ((await metric('edge_upstream_ejections_total')) > 0) break;
      const incoming = await headOf(scene.open(its[times % its.length] ?? '/'));
      await new Promise((resolve) => incoming.once('close', resolve).resume());
      expect(incoming.complete).toBe(false);
    }
    expect(await metric('edge_upstream_ejections_total')).toBe(1);
    await askAll();
  });
});
