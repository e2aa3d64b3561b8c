import { describe, expect, it } from 'vitest';
import { edgeActivity } from './edge-activity.js';
import { MetricsSample } from './metrics-sample.js';

const text = (hits: number, misses: number, more = ''): string => `# HELP headwater_edge_requests_total Requests.
# TYPE headwater_edge_requests_total counter
headwater_edge_requests_total{outcome="hit"} ${hits}
headwater_edge_requests_total{outcome="miss"} ${misses}
headwater_edge_memory_bytes{use="stored"} 1024
headwater_edge_memory_objects 3
${more}`;

describe('metrics', () => {
  it('are read by name and label, whatever is in these', () => {
    const sample = new MetricsSample(
      'headwater_a{x="1",y="a\\"b\\\\c\\nd, e}"} 2.5\nheadwater_a{x="2"} 1e3\nheadwater_b 7 1700000000\nno sample\nheadwater_c{} NaN',
    );
    expect(sample.all('a')).toEqual([
      { labels: { x: '1', y: 'a"b\\c\nd, e}' }, value: 2.5 },
      { labels: { x: '2' }, value: 1000 },
    ]);
    expect([sample.sum('a'), sample.sum('a', { x: '2' }), sample.sum('b'), sample.sum('c')]).toEqual([
      1002.5, 1000, 7, 0,
    ]);
    expect(sample.values('a', 'x')).toEqual(['1', '2']);
  });
});

describe('what an edge did between two looks', () => {
  it('is told by the second', () => {
    const fills = (count: number, seconds: number) =>
      `headwater_edge_fill_seconds_sum ${seconds}\nheadwater_edge_fill_seconds_count ${count}\n`;
    const activity = edgeActivity(
      new MetricsSample(text(100, 10, fills(4, 1))),
      new MetricsSample(text(190, 20, fills(8, 3))),
      2,
    );
    expect(activity).toMatchObject({
      requestsPerSec: 50,
      outcomesPerSec: { hit: 45, miss: 5, pass: 0 },
      hitRatio: 0.9,
      fills: { perSec: 2, meanMs: 500 },
      memory: { storedBytes: 1024, objects: 3 },
      ...{ disks: [], upstreams: [] },
    });
  });

  it('counts from 0 where the edge began anew, and has no ratio of nothing', () => {
    const once = new MetricsSample(text(100, 10));
    expect(edgeActivity(once, new MetricsSample(text(8, 2)), 1).requestsPerSec).toBe(10);
    expect(edgeActivity(once, once, 1)).toMatchObject({ requestsPerSec: 0, hitRatio: null, fills: { meanMs: null } });
  });

  it('has a line for each disk and upstream', () => {
    const more = `headwater_edge_disk_bytes{disk="/one"} 5
headwater_edge_disk_up{disk="/one",for="reads"} 1
headwater_edge_disk_up{disk="/one",for="writes"} 0
headwater_edge_upstream_requests_total{upstream="origin",server="http://a"} 7
headwater_edge_upstream_requests_total{upstream="alone",server="http://a"} 3
headwater_edge_upstream_requests_total{upstream="api",server="http://b"} 1
headwater_edge_upstream_in_service{server="http://a"} 0
`;
    const { disks, upstreams } = edgeActivity(new MetricsSample(''), new MetricsSample(more), 1);
    expect(disks).toMatchObject([{ disk: '/one', bytes: 5, reads: true, writes: false }]);
    expect(upstreams).toMatchObject([
      { server: 'http://a', requestsPerSec: 10, inService: false },
      { server: 'http://b', requestsPerSec: 1, inService: null },
    ]);
  });
});
