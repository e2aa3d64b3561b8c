import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openScene, type Scene } from '../edge.fixture.js';
import { readCountryNetworks } from './country-networks.js';
import { echo, networksOf, nobody } from './gates.fixture.js';
import { CurrentRules, type NetworkRules } from './network-rules.js';

describe('the list of countries', () => {
  it('is a code and a network a line', () => {
    const read = readCountryNetworks('# 2024-01\nDE 192.0.2.0/24\r\n\nat,198.51.100.0/24 # Wien\nDE\t2001:db8::/32\n');
    if (read.kind !== 'read') throw new Error(read.text);
    expect([...read.countries.keys()]).toEqual(['DE', 'AT']);
    expect(read.countries.get('DE')).toEqual(networksOf('192.0.2.0/24', '2001:db8::/32'));
  });

  it.each(['DEU 192.0.2.0/24', 'DE', '192.0.2.0/24', 'DE 192.0.2.0/33', 'DE 192.0.2.0/24 x'])(
    'is not %s, and names the line',
    (line) => {
      expect(readCountryNetworks(`AT 192.0.2.0/24\n${line}\n`)).toEqual({ kind: 'unreadable', line: 2, text: line });
    },
  );

  it('may be anything: reading it never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readCountryNetworks(text)));
  });
});

describe.each(['node', 'uws', 'uws-threads'] as const)('networks behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (rules: Partial<NetworkRules>) => {
    const countries = new Map([['DE', networksOf('198.51.100.0/24', '2001:db8:de::/48')]]);
    const networks = new CurrentRules({ everywhere: nobody, prefixes: [], countries, ...rules });
    // Clients from anywhere, as a proxy on this machine tells of them.
    const gates = { networks, trustedProxies: networksOf('127.0.0.1') };
    scene = await openScene({ engine, originSays: echo, gates });
    return Object.assign(scene, { networks });
  };
  afterEach(() => scene.close());
  const statusFor = async (path: string, client: string) =>
    (await scene.ask(path, { headers: { 'x-forwarded-for': client } })).status;

  it('that are denied get 403, with a word', async () => {
    const { ask, origin } = await open({
      everywhere: { ...nobody, deny: networksOf('192.0.2.0/24', '2001:db8::/32') },
    });
    const { status, body, headers } = await ask('/live/a', { headers: { 'x-forwarded-for': '192.0.2.9' } });
    expect([status, headers['cache-control']]).toEqual([403, 'no-store']);
    expect(JSON.parse(body).detail).toContain('network that the request came from');
    expect(await statusFor('/live/a', '2001:db8::1')).toBe(403);
    expect(await statusFor('/live/a', '::ffff:192.0.2.9')).toBe(403);
    expect(origin.asked).toEqual([]);
    expect(await statusFor('/live/a', '203.0.113.1')).toBe(200);
    expect(await scene.metricsText()).toContain('headwater_edge_gate_refusals_total{gate="network"} 3');
  });

  it('that are allowed are the only ones; of them, none that is denied', async () => {
    await open({ everywhere: { ...nobody, allow: networksOf('192.0.2.0/24'), deny: networksOf('192.0.2.128/25') } });
    expect(await statusFor('/a', '192.0.2.1')).toBe(200);
    expect(await statusFor('/a', '192.0.2.200')).toBe(403);
    expect(await statusFor('/a', '203.0.113.1')).toBe(403);
    // The proxy itself is not among them.
    expect((await scene.ask('/a')).status).toBe(403);
  });

  it('are those of countries, beside those that are listed', async () => {
    await open({ everywhere: { ...nobody, allow: networksOf('192.0.2.1'), countries: ['DE'] } });
    expect(await statusFor('/a', '198.51.100.7')).toBe(200);
    expect(await statusFor('/a', '2001:db8:de::1')).toBe(200);
    expect(await statusFor('/a', '192.0.2.1')).toBe(200);
    expect(await statusFor('/a', '192.0.2.2')).toBe(403);
  });

  it('are those of a new list as soon as there is one', async () => {
    const { networks } = await open({ everywhere: { ...nobody, countries: ['DE'] } });
    expect(await statusFor('/a', '203.0.113.1')).toBe(403);
    networks.replace({ ...networks.current, countries: new Map([['DE', networksOf('203.0.113.0/24')]]) });
    await vi.waitFor(async () => expect(await statusFor('/a', '203.0.113.1')).toBe(200));
    expect(await statusFor('/a', '198.51.100.7')).toBe(403);
  });

  it('count for a folder, on top of what counts everywhere', async () => {
    await open({
      everywhere: { ...nobody, deny: networksOf('198.51.100.66') },
      prefixes: [{ ...nobody, prefix: '/live/', countries: ['DE'] }],
    });
    expect(await statusFor('/live/a', '198.51.100.7')).toBe(200);
    expect(await statusFor('/live/a', '198.51.100.66')).toBe(403);
    expect(await statusFor('/live/a', '203.0.113.1')).toBe(403);
    expect(await statusFor('/%6cive/a', '203.0.113.1')).toBe(403);
    expect(await statusFor('/vod/a', '203.0.113.1')).toBe(200);
    expect(await statusFor('/vod/../live/a', '203.0.113.1')).toBe(400);
  });
});
