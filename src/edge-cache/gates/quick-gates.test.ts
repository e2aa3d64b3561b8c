import { afterEach, describe, expect, it } from 'vitest';
import { loadUws } from '../../http/load-uws.js';
import type { QuickAsker } from '../../http/quick-answers.js';
import { askUntilLent, headOf, mebibyte, nextChunk, openScene, type Scene, until } from '../edge.fixture.js';
import { type echo, linesInto, networksOf, nobody } from './gates.fixture.js';
import { type GateOptions, gateTerms } from './gates.js';
import { CurrentRules } from './network-rules.js';
import { QuickGates } from './quick-gates.js';

const noLimits = { requestsPerSec: null, burst: 1, inFlightMax: null, connectionsMax: null };

const rulesOf = (...denied: string[]) => {
  const everywhere = { ...nobody, deny: networksOf(...denied) };
  return { everywhere, prefixes: [], countries: new Map() };
};

const askerFrom = (...bytes: number[]): QuickAsker => ({
  scheme: 'http',
  path: '/a',
  addressBytes: () => Uint8Array.from(bytes),
  field: (name) => ({ host: 'tv.example', 'user-agent': 'VLC/3' })[name],
});

describe('the gates on the short way', () => {
  let written: Record<string, unknown>[];
  let refusals: string[];
  const open = (options: GateOptions) => {
    written = [];
    refusals = [];
    const counts = { refused: (gate: string) => void refusals.push(gate), lineLost: () => {} };
    return QuickGates.open(gateTerms(options), { now: () => 1_700_000_000_000, counts, lines: linesInto(written) });
  };
  const passes = (gates: QuickGates | null, ...bytes: number[]) => {
    const visit = gates?.pass(askerFrom(...bytes)) ?? null;
    visit?.over(200, 5, false);
    return visit !== null;
  };
  const logged = { lines: { write: () => true }, sample: 1, anonymize: false };

  it('let everybody pass where there are none, and ask nobody', () => {
    const asker = { ...askerFrom(), addressBytes: () => expect.fail('nobody needs it') };
    expect(open({})?.pass(asker)).not.toBeNull();
    expect(open({ accessLog: { ...logged, sample: 0 } })?.pass(asker)).not.toBeNull();
  });

  it('are not there where anything is signed', () => {
    const key = { id: 'k', secret: 'a secret for this test' };
    expect(open({ signed: { prefixes: ['/vod/'], keys: [key], parameter: 't' } })).toBeNull();
  });

  it('write down who passes, by IPv4, IPv6, and IPv4 in IPv6', () => {
    const gates = open({ accessLog: logged });
    const mapped = [...new Array(10).fill(0), 255, 255, 192, 0, 2, 1];
    const wide = [0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 1];
    expect([[192, 0, 2, 200], mapped, wide].map((bytes) => passes(gates, ...bytes))).toEqual([true, true, true]);
    expect(written.map(({ client }) => client)).toEqual(['192.0.2.200', '192.0.2.1', '2001:db8:0:0:0:0:0:1']);
    expect(written[0]).toMatchObject({ cache: 'hit', status: 200, bytes: 5, host: 'tv.example', agent: 'VLC/3' });
  });

  it.each<[string, GateOptions]>([
    ['whom networks do not admit', { networks: new CurrentRules(rulesOf('192.0.2.0/24')) }],
    ['a trusted proxy', { trustedProxies: networksOf('192.0.2.0/24') }],
  ])('leave %s to the long way, and say nothing of it', (_, options) => {
    const gates = open({ ...options, accessLog: logged });
    expect([passes(gates, 192, 0, 2, 1), passes(gates, 198, 51, 100, 1)]).toEqual([false, true]);
    expect(passes(gates)).toBe(false);
    expect([written.length, refusals]).toEqual([1, []]);
  });

  it('leave who asks too often to the long way, and who asks for too much at once', () => {
    const often = open({ limits: { ...noLimits, requestsPerSec: 1, burst: 3 } });
    expect([1, 2, 3, 4].map(() => passes(often, 192, 0, 2, 1))).toEqual([true, true, true, false]);
    expect(passes(often, 192, 0, 2, 2)).toBe(true);
    const much = open({ limits: { ...noLimits, inFlightMax: 1, requestsPerSec: 1, burst: 2 } });
    const first = much?.pass(askerFrom(192, 0, 2, 1));
    expect(passes(much, 192, 0, 2, 1)).toBe(false);
    first?.over(200, 5, true);
    // What was not let pass was not booked, either.
    expect([passes(much, 192, 0, 2, 1), passes(much, 192, 0, 2, 1)]).toEqual([true, false]);
    expect(refusals).toEqual([]);
  });
});

/** Clients are told apart by this machine's own addresses. */
describe.skipIf(!loadUws().loaded)('behind gates, the short way', () => {
  let scene: Scene;
  let written: Record<string, unknown>[];
  afterEach(() => scene.close());
  const open = async (gates: GateOptions, body = 'hello') => {
    written = [];
    const originSays = (_request: unknown, response: Parameters<typeof echo>[1]) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': body.length }).end(body);
    };
    const memory = { memoryBytes: 128 * mebibyte, objectBytesMax: 64 * mebibyte };
    scene = await openScene({ engine: 'uws-threads', api: null, originSays, gates, ...memory });
    const asked = await askUntilLent(scene, '/a');
    await until(() => gates.accessLog == null || written.length === asked, 'these are written down');
    written.length = 0;
  };
  const logged = () => ({
    lines: { write: (lines: string) => linesInto(written).write(lines) },
    sample: 1,
    anonymize: false,
  });

  it('is written down as the long way is', async () => {
    await open({ accessLog: logged() });
    const headers = {
      host: 'tv.example',
      range: 'bytes=1-3',
      'user-agent': 'VLC/3',
      referer: 'http://tv.example/a?secret',
      'x-forwarded-for': '192.0.2.9',
    };
    const answers = [
      await scene.ask('/a', { headers }),
      await scene.ask('/a', { headers: { ...headers, 'x-odd': 'so the long way' } }),
      await scene.ask('/a', { headers, from: '127.0.0.2' }),
    ];
    expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(['206 ell', '206 ell', '206 ell']);
    await until(() => written.length >= 3, 'three lines');
    const [short, long, other] = written.map(({ ms, time, ...rest }) => {
      expect([typeof ms, Number.isNaN(Date.parse(String(time)))]).toEqual(['number', false]);
      return rest;
    });
    expect(short).toEqual(long);
    expect(short).toMatchObject({ client: '127.0.0.1', status: 206, bytes: 3, cache: 'hit', range: 'bytes=1-3' });
    expect(other).toEqual({ ...short, client: '127.0.0.2' });
  });

  it('says where the client did not get all, and what it has under way is over then', async () => {
    const body = 'x'.repeat(32 * mebibyte);
    // Two: of one that comes as soon as the one before it has been read, that may still be under way.
    await open({ accessLog: logged(), limits: { ...noLimits, inFlightMax: 2 } }, body);
    const leaving = [await headOf(scene.open('/a')), await headOf(scene.open('/a'))];
    for (const each of leaving) {
      await nextChunk(each);
      each.pause();
    }
    const refused = await scene.ask('/a');
    expect(refused.status).toBe(429);
    for (const each of leaving) each.destroy();
    await until(() => written.length >= 3, 'all are written down');
    expect(written).toMatchObject([
      { status: 429, cache: 'refused' },
      { status: 200, bytes: body.length, cut: true },
      { status: 200, bytes: body.length, cut: true },
    ]);
    expect((await scene.ask('/a')).status).toBe(200);
    expect(await scene.metricsText()).toContain('edge_gate_refusals_total{gate="in-flight"} 1');
  });

  it('ends where networks do not admit, from the moment they change', async () => {
    const networks = new CurrentRules(rulesOf('127.0.0.2'));
    await open({ networks });
    const statuses = () =>
      Promise.all(
        ['127.0.0.1', '127.0.0.2', '127.0.0.3'].map(async (from) => (await scene.ask('/a', { from })).status),
      );
    expect(await statuses()).toEqual([200, 403, 200]);
    networks.replace(rulesOf('127.0.0.3'));
    // The thread hears of it in a moment.
    let now = await statuses();
    for (let times = 0; now[2] !== 403 && times < 100; times += 1) now = await statuses();
    expect(now).toEqual([200, 200, 403]);
  });

  it('counts with the long way', async () => {
    await open({ limits: { ...noLimits, requestsPerSec: 0.001, burst: 1000 } });
    const from = '127.0.0.5';
    let passed = 0;
    for (let status = 200; status === 200 && passed < 2000; passed += 1) {
      const headers: Record<string, string> = passed % 2 === 0 ? {} : { 'x-odd': 'so the long way' };
      ({ status } = await scene.ask('/a', { from, headers }));
    }
    expect(passed).toBe(1001);
    expect(await scene.metricsText()).toContain('edge_gate_refusals_total{gate="rate"} 1');
  });
});
