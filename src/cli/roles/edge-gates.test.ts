import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../edge-cache/edge.fixture.js';
import { echo } from '../../edge-cache/gates/gates.fixture.js';
import { Failure } from '../../telemetry/failure.js';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { loadSettings } from '../config.js';
import { openEdgeRole } from './edge.js';
import { openEdgeGates } from './edge-gates.js';

const folder = mkdtempSync(join(tmpdir(), 'headwater-gates-'));
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const refusal = (...sets: string[]): Failure => {
  try {
    openEdgeGates(loadSettings({ sets }), silentLog);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

/** An edge before a server that says what it was asked for. */
async function openEdge(...sets: string[]) {
  const origin = createServer(echo).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  closers.push(async () => {
    origin.closeAllConnections();
    origin.close();
  });
  const settings = loadSettings({ sets: ['http.listen="127.0.0.1:0"', ...sets] });
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const metrics = new Metrics();
  const edge = await openEdgeRole({
    settings,
    upstreams: { origins: [{ url, weight: 1 }], api: null },
    certificates: null,
    data: { folder: () => folder, operatorToken: 'none' },
    log: silentLog,
    metrics,
  });
  closers.push(() => edge.close(0));
  const ask = (path: string, client = '127.0.0.1') =>
    fetch(`http://${edge.addresses.http}${path}`, { headers: { 'x-forwarded-for': client } }).then(async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    });
  return { ask };
}

describe('an edge by its settings', () => {
  it('guards what the settings say, and takes a changed list of countries on SIGHUP', async () => {
    const countries = join(folder, 'countries.txt');
    writeFileSync(countries, 'DE 192.0.2.0/24\nAT 198.51.100.0/24\n');
    const { ask } = await openEdge(
      'http.trustedProxies=[127.0.0.1]',
      `edge.countryFile=${countries}`,
      'edge.networks.prefixes=[{ prefix: /live/, countries: [DE] }]',
      'edge.networks.deny=[192.0.2.66]',
      'edge.signed.prefixes=[/vod/]',
      'edge.signed.keys=[{ id: k1, secret: at-least-16-characters }]',
    );
    expect(await ask('/live/a', '192.0.2.1')).toBe(200);
    expect(await ask('/live/a', '192.0.2.66')).toBe(403);
    expect(await ask('/live/a', '198.51.100.1')).toBe(403);
    expect(await ask('/vod/a', '198.51.100.1')).toBe(403);
    expect(await ask('/a', '198.51.100.1')).toBe(200);
    // A list that cannot be read changes nothing.
    writeFileSync(countries, 'DE 198.51.100\n');
    process.emit('SIGHUP');
    expect(await ask('/live/a', '192.0.2.1')).toBe(200);
    writeFileSync(countries, 'DE 198.51.100.0/24\n');
    process.emit('SIGHUP');
    expect(await ask('/live/a', '198.51.100.1')).toBe(200);
    expect(await ask('/live/a', '192.0.2.1')).toBe(403);
  });

  it('limits clients, and writes the access log to a file that logrotate moves', async () => {
    const log = join(folder, 'access.log');
    const { ask } = await openEdge(
      'edge.limits.requestsPerSec=0.01',
      'edge.limits.burst=2',
      `edge.accessLog.to=${log}`,
    );
    expect([await ask('/a'), await ask('/a'), await ask('/b')]).toEqual([200, 200, 429]);
    const statuses = (file: string) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line).status]));
    await until(() => statuses(log).length === 3, 'three lines');
    expect(statuses(log)).toEqual([200, 200, 429]);
    renameSync(log, `${log}.1`);
    process.emit('SIGHUP');
    await until(() => {
      try {
        return readFileSync(log, 'utf8') === '';
      } catch {
        return false;
      }
    }, 'a new file');
    await ask('/c');
    await until(() => statuses(log).length + statuses(`${log}.1`).length === 4, 'one line more');
  });

  it('leaves no listener behind', async () => {
    const before = process.listenerCount('SIGHUP');
    await openEdge(`edge.accessLog.to=${join(folder, 'other.log')}`);
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    for (const close of closers.splice(0).reverse()) await close();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});

describe('settings that cannot be', () => {
  it.each<[string, string[], RegExp]>([
    ['guarded folders without a key', ['edge.signed.prefixes=[/vod/]'], /no key could open them/],
    ['countries without a list', ['edge.networks.countries=[DE]'], /no list says/],
    ['a list that is not there', ['edge.networks.countries=[DE]', `edge.countryFile=${folder}/none`], /ENOENT/],
    ['an access log without a folder', [`edge.accessLog.to=${folder}/none/access.log`], /access log cannot be written/],
  ])('%s', (_what, sets, message) => {
    const { message: told, hint } = refusal(...sets);
    expect(told).toMatch(message);
    expect(hint).not.toBe('');
  });

  it('a country without a network', () => {
    const file = join(folder, 'at.txt');
    writeFileSync(file, 'AT 198.51.100.0/24\n');
    expect(refusal('edge.networks.countries=[AT, XX]', `edge.countryFile=${file}`).message).toContain(
      'no network in XX',
    );
  });

  it.each([
    ['edge.signed.prefixes=[vod]', 'begins and ends with a slash'],
    ['edge.signed.prefixes=[/v%6fd/]', 'begins and ends with a slash'],
    ['edge.networks.deny=[192.0.2.1/33]', 'CIDR notation'],
    ['http.trustedProxies=[proxy.example]', 'CIDR notation'],
    ['edge.networks.countries=[Germany]', 'two capital letters'],
    ['edge.limits.requestsPerSec=0', 'requests per second from 0.01'],
    ['edge.accessLog.sample=2', 'a part from 0 to 1'],
  ])('%s', (set, hint) => {
    expect(() => loadSettings({ sets: [set] })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(hint) }),
    );
  });
});
