import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  headOf,
  heldAnswers,
  nextChunk,
  openScene,
  readAnswer,
  type Scene,
  type SceneOptions,
  until,
} from '../edge.fixture.js';
import { echo, networksOf } from './gates.fixture.js';

const none = { requestsPerSec: null, burst: 1, inFlightMax: null, connectionsMax: null };

describe.each(['node', 'uws', 'uws-threads'] as const)('limits per client behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (
    limits: Partial<typeof none> | Record<string, number>,
    options: Partial<SceneOptions> = {},
  ): Promise<Scene> => {
    const gates = { limits: { ...none, ...limits }, trustedProxies: networksOf('127.0.0.1') };
    scene = await openScene({ engine, originSays: echo, ...options, gates });
    return scene;
  };
  afterEach(() => scene.close());
  const askFrom = (client: string, path = '/a') => scene.ask(path, { headers: { 'x-forwarded-for': client } });
  const statuses = async (client: string, count: number) => {
    const found: number[] = [];
    for (let i = 0; i < count; i += 1) found.push((await askFrom(client)).status);
    return found;
  };

  it('let a burst pass, and then a rate', async () => {
    const { clock } = await open({ requestsPerSec: 2, burst: 3 });
    expect(await statuses('192.0.2.1', 5)).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses('192.0.2.2', 1)).toEqual([200]);
    clock.now += 1000;
    expect(await statuses('192.0.2.1', 3)).toEqual([200, 200, 429]);
    clock.now += 3_600_000;
    expect(await statuses('192.0.2.1', 4)).toEqual([200, 200, 200, 429]);
    // A clock that is set back gives nothing.
    clock.now -= 1_800_000;
    expect(await statuses('192.0.2.1', 1)).toEqual([429]);
    clock.now += 500;
    expect(await statuses('192.0.2.1', 2)).toEqual([200, 429]);
    expect(await scene.metricsText()).toContain('headwater_edge_gate_refusals_total{gate="rate"} 6');
  });

  it('say when to come back', async () => {
    const { clock } = await open({ requestsPerSec: 0.1, burst: 1 });
    await askFrom('192.0.2.1');
    clock.now += 2_500;
    const { status, headers, body, cacheStatus } = await askFrom('192.0.2.1');
    expect([status, headers['retry-after'], cacheStatus]).toEqual([429, '8', 'Headwater; detail=rate']);
    expect(JSON.parse(body)).toMatchObject({ status: 429, title: 'Too Many Requests' });
    expect(headers['cache-control']).toBe('no-store');
  });

  it('take an IPv6 /64 for one client', async () => {
    await open({ requestsPerSec: 1, burst: 1 });
    expect((await askFrom('2001:db8:0:1::1')).status).toBe(200);
    expect((await askFrom('2001:db8:0:1:ffff::2')).status).toBe(429);
    expect((await askFrom('2001:db8:0:2::1')).status).toBe(200);
  });

  it('bound the requests under way, until they are answered, cut or left', async () => {
    const held = heldAnswers();
    const { open: send } = await open({ inFlightMax: 2 }, { originSays: held.says });
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const [first, second] = [send('/1', { headers }), send('/2', { headers })];
    await until(() => held.answers.length === 2, 'both are asked upstream');
    const refused = await askFrom('192.0.2.1', '/3');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    const other = send('/4', { headers: { 'x-forwarded-for': '192.0.2.2' } });
    await until(() => held.answers.length === 3, 'others are served');
    other.destroy();
    held.answers[0]?.end('one');
    expect((await readAnswer(first)).body).toBe('one');
    const third = send('/5', { headers });
    await until(() => held.answers.length === 4, 'there is room again');
    second.destroy();
    third.destroy();
    held.answers[1]?.end();
    scene.origin.says = echo;
    let answered = 0;
    // A client that leaves is noticed a moment later.
    while (answered !== 200) answered = (await askFrom('192.0.2.1', '/6')).status;
  });

  it('count an answer until the client has taken it', async () => {
    const { open: send } = await open(
      { inFlightMax: 1 },
      {
        originSays: (_request, response) => {
          response.writeHead(200, { 'cache-control': 'no-store' });
          response.write('begun');
        },
      },
    );
    const slow = send('/a', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    const incoming = await headOf(slow);
    expect(await nextChunk(incoming)).toBe('begun');
    expect((await askFrom('192.0.2.1')).status).toBe(429);
    slow.destroy();
  });
});

describe('connections per client at the node engine', () => {
  let scene: Scene;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await scene.close();
  });

  /** Whether it stays: it is asked for something, or cut. */
  const dial = (localAddress: string): Promise<'served' | 'cut'> => {
    const socket = connect({ host: '127.0.0.1', port: scene.port, localAddress });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    return new Promise((resolve) => {
      socket.once('data', () => resolve('served'));
      socket.once('close', () => resolve('cut'));
    });
  };

  it('are bounded at the socket, but for trusted proxies', async () => {
    const limits = { ...none, connectionsMax: 2 };
    scene = await openScene({
      engine: 'node',
      originSays: echo,
      gates: { limits, trustedProxies: networksOf('127.0.0.9') },
    });
    expect(await dial('127.0.0.1')).toBe('served');
    expect(await dial('127.0.0.1')).toBe('served');
    expect(await dial('127.0.0.1')).toBe('cut');
    expect(await dial('127.0.0.2')).toBe('served');
    for (let i = 0; i < 4; i += 1) expect(await dial('127.0.0.9')).toBe('served');
    sockets[0]?.destroy();
    let again: string = 'cut';
    while (again === 'cut') again = await dial('127.0.0.1');
    expect(await scene.metrics.text()).toMatch(/edge_gate_refusals_total\{gate="connections"\} [1-9]/);
  });
});
