import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, gate, headOf, openScene, type Scene, type SceneOptions, until } from '../edge.fixture.js';
import { defaultUpstreamLimits } from './upstreams.js';

describe('an upstream in trouble', () => {
  let scene: Scene;
  let raw: Server | undefined;
  const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
    scene = await openScene({ engine: 'node', ...options });
    return scene;
  };
  /** An origin that speaks bytes instead of HTTP. */
  const openRaw = async (connected: (times: number, write: (bytes: string) => void, cut: () => void) => void) => {
    let times = 0;
    raw = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        times += 1;
        connected(
          times,
          (bytes) => socket.write(bytes),
          () => socket.resetAndDestroy(),
        );
      });
    });
    await new Promise<void>((resolve) => raw?.listen(0, '127.0.0.1', resolve));
    const address = raw.address();
    if (address === null || typeof address === 'string') throw new Error('the raw origin has no port');
    return open({ origin: new URL(`http://127.0.0.1:${address.port}`) });
  };
  afterEach(async () => {
    await scene.close();
    raw?.close();
    raw = undefined;
  });

  const problem = (answer: Answer) => ({ ...JSON.parse(answer.body), status: answer.status });

  it.each(['/a', '/v1/a'])('that is not there: 502 for %s', async (path) => {
    const nowhere = new URL('http://127.0.0.1:1');
    const { ask } = await open({ origin: nowhere, api: nowhere });
    const answer = await ask(path);
    expect(problem(answer)).toMatchObject({ status: 502, title: 'Bad Gateway' });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.cacheStatus).toMatch(/^Headwater; fwd=(uri-miss|bypass); detail=upstream-unreachable$/);
    expect(answer.body).not.toContain('127.0.0.1');
  });

  it('that hangs: 504', async () => {
    const { ask } = await open({
      originSays: () => undefined,
      originLimits: { headMs: 300 },
    });
    expect(problem(await ask('/a'))).toMatchObject({ status: 504, title: 'Gateway Timeout' });
  });

  it('that stops in the middle of a body: the client is cut', async () => {
    const { ask } = await open({
      originSays: (_request, response) => void response.writeHead(200, { 'content-length': 9 }).write('begin'),
      originLimits: { bodyMs: 300 },
    });
    await expect(ask('/a')).rejects.toThrow();
  });

  it('that has no room: 503 with Retry-After at once for whom even the queue has none', async () => {
    const held = gate();
    const { ask, origin } = await open({
      originSays: async (_request, response) => {
        await held.opened;
        response.end('x');
      },
      originLimits: { concurrent: 1, waitersMax: 1 },
    });
    const first = ask('/a');
    await until(() => origin.asked.length === 1, 'the origin is asked');
    const second = ask('/b');
    await until(() => scene.received.count === 2, 'the second has asked');
    const third = await ask('/c');
    expect(problem(third)).toMatchObject({ status: 503 });
    expect(third.headers['retry-after']).toBe('1');
    held.open();
    expect((await first).body).toBe('x');
    expect((await second).body).toBe('x');
  });

  it('that stays busy: 503 for whom the queue keeps too long', async () => {
    const { ask, origin } = await open({
      originSays: () => undefined,
      originLimits: { concurrent: 1, waitMs: 50 },
    });
    scene.open('/a');
    await until(() => origin.asked.length === 1, 'the origin is asked');
    expect(problem(await ask('/b'))).toMatchObject({ status: 503 });
  });

  it('frees the slots of clients that left', async () => {
    const {
      ask,
      origin,
      open: openRequest,
    } = await open({
      originSays: (_request, response) => void response.writeHead(200, { 'cache-control': 'no-store' }).write('x'),
      originLimits: { concurrent: 1, waitersMax: 4 },
    });
    for (let times = 0; times < 3; times += 1) {
      const leaving = openRequest('/a', { method: 'POST' });
      await headOf(leaving);
      leaving.destroy();
    }
    origin.says = (_request, response) => response.end('free');
    expect((await ask('/a', { method: 'POST' })).body).toBe('free');
  });

  it('that resets a connection before any byte is asked once more', async () => {
    const { ask } = await openRaw((times, write, cut) => {
      if (times === 1) cut();
      else write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain');
    });
    expect((await ask('/a')).body).toBe('again');
  });

  it('that always resets: 502', async () => {
    const { ask } = await openRaw((_times, _write, cut) => cut());
    expect(problem(await ask('/a'))).toMatchObject({ status: 502 });
  });

  it('that speaks no HTTP: 502', async () => {
    const { ask } = await openRaw((_times, write) => write('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(problem(await ask('/a'))).toMatchObject({ status: 502 });
  });

  it('that promises more than it sends: cut, and not kept', async () => {
    const { ask, edge } = await openRaw((_times, write, cut) => {
      write('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 50\r\n\r\nshort');
      setTimeout(cut, 50);
    });
    await expect(ask('/a')).rejects.toThrow();
    expect(edge.stats()).toMatchObject({ objects: 0, memoryBytes: 0 });
  });

  it("that sends more than it promises: what it promised, and the rest is nobody's answer", async () => {
    const { ask } = await openRaw((times, write) =>
      write(
        `HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\n${times}bodyHTTP/1.1 200 OK\r\n\r\nevil`,
      ),
    );
    for (const path of ['/a', '/b', '/c']) expect((await ask(path)).body).toMatch(/^\dbod$/);
  });

  it('answers again after an outage', async () => {
    const { ask, origin } = await open({ originSays: (request) => void request.socket.destroy() });
    expect((await ask('/a')).status).toBe(502);
    origin.says = (_request, response) => response.end('back');
    expect((await ask('/a')).body).toBe('back');
  });

  it('has deadlines and bounds by default', () => {
    for (const limit of Object.values(defaultUpstreamLimits)) expect(limit).toBeGreaterThan(0);
  });
});
