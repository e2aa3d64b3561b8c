import { expect, it } from 'vitest';
import { LinkHistory } from './link-history.js';

const sample = (second: number, packets: number, packetsLost: number) => ({
  connection: 1,
  at: second * 1000,
  rttMs: second,
  packets,
  packetsLost,
  packetsRetransmitted: packetsLost,
  packetsDropped: 0,
  bytes: packets * 1316,
});

it('knows nothing from one sample, and rates from two', () => {
  const history = new LinkHistory();
  history.add(sample(0, 0, 0));
  expect(history.figures).toBeNull();
  history.add(sample(2, 980, 20));
  expect(history.figures).toEqual({ rttMs: 2, lossRatio: 0.02, retransmits: 20, bitrate: 980 * 1316 * 4 });
});

it('looks back ten seconds', () => {
  const history = new LinkHistory();
  for (let second = 0; second <= 60; second++) history.add(sample(second, second * 100, Math.min(second, 50)));
  expect(history.figures).toMatchObject({ lossRatio: 0, retransmits: 50, bitrate: 100 * 1316 * 8 });
});
