import { beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { UpstreamMetrics } from './upstream-metrics.js';
import { type Trouble, UpstreamServers } from './upstream-servers.js';

describe('the servers of the same content', () => {
  let now: number;
  let lines: string[];
  let metrics: Metrics;
  const open = (count: number): UpstreamServers => {
    const write = (fields: { server: string }, message: string) => lines.push(`${fields.server}: ${message}`);
    const addresses = Array.from({ length: count }, (_, at) => ({ url: new URL(`http://s${at}/base/`), weight: 1 }));
    return new UpstreamServers({
      addresses,
      limits: { failuresMax: 2, outMs: 10_000, outMsMax: 60_000, slowStartMs: 0 },
      log: { warn: write, info: write } as unknown as Log,
      metrics: new UpstreamMetrics(metrics),
      now: () => now,
    });
  };
  const failAll = (servers: UpstreamServers, trouble: Trouble): void => {
    for (const server of servers.all) for (let times = 0; times < 4; times += 1) servers.failed(server, trouble, now);
  };
  const out = ({ all }: UpstreamServers): number => all.filter(({ health }) => health.isOut).length;
  beforeEach(() => {
    now = 0;
    lines = [];
    metrics = new Metrics();
  });

  it.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [9, 4],
  ])('of %i, at most %i that struggle are left out', (count, most) => {
    const servers = open(count);
    failAll(servers, 'struggling');
    expect(out(servers)).toBe(most);
    expect(servers.ready()).toHaveLength(count - most);
  });

  it('that are broken may all be left out: then all are tried', () => {
    const servers = open(3);
    failAll(servers, 'broken');
    expect(out(servers)).toBe(3);
    expect(servers.ready()).toHaveLength(3);
    const [first] = servers.all;
    if (first) servers.succeeded(first, now);
    expect(servers.ready()).toEqual([first]);
  });

  it('are never left out where there is only one', () => {
    const servers = open(1);
    failAll(servers, 'broken');
    expect(out(servers)).toBe(0);
    expect(lines).toEqual([]);
  });

  it('are named in one line when they are left out, and in one when they are back', async () => {
    const servers = open(2);
    const [first] = servers.all;
    if (first === undefined) return;
    failAll(servers, 'struggling');
    now += 10_000;
    servers.succeeded(first, now);
    servers.succeeded(first, now);
    expect(lines).toEqual(['s0/base: upstream is left out: too many failures in a row', 's0/base: upstream is back']);
    for (let times = 0; times < 6; times += 1) servers.probed(first, false);
    for (let times = 0; times < 6; times += 1) servers.probed(first, true);
    expect(lines.slice(2)).toEqual(['s0/base: upstream is left out: it fails its probes', 's0/base: upstream is back']);
    const text = await metrics.text();
    expect(text).toContain('headwater_edge_upstream_in_service{server="s0/base"} 1');
    expect(text).toContain('headwater_edge_upstream_ejections_total{server="s0/base",reason="failures"} 1');
    expect(text).toContain('headwater_edge_upstream_ejections_total{server="s0/base",reason="probes"} 1');
  });

  it('are not blamed for what is cut when the edge closes', () => {
    const servers = open(2);
    servers.close();
    failAll(servers, 'broken');
    expect(out(servers)).toBe(0);
  });
});
