import { describe, expect, it } from 'vitest';
import type { FeedItem } from './matroska-reader.js';
import { RememberedFeed } from './remembered-feed.js';

const bytes = (count: number) => [Buffer.alloc(count)];
const cluster: FeedItem = { kind: 'cluster', raw: bytes(10) };
const picture = (timeMs: number, key: boolean, size = 100): FeedItem => {
  return { kind: 'block', raw: bytes(size), track: 'video', timeMs, key, payload: [] };
};
const sound = (timeMs: number): FeedItem => {
  return { kind: 'block', raw: bytes(20), track: 'audio', timeMs, key: true, payload: [] };
};

/** A key each second, as ingest muxes it. */
function filled(rememberMs: number, seconds: number, size = 100): RememberedFeed {
  const feed = new RememberedFeed(rememberMs);
  for (let ms = 0; ms < seconds * 1000; ms += 100) {
    const key = ms % 1000 === 0;
    if (key) feed.add(cluster);
    feed.add(picture(ms, key, size));
    feed.add(sound(ms + 5));
  }
  return feed;
}

const times = (items: readonly FeedItem[] | undefined) =>
  items?.flatMap((item) => (item.kind === 'block' && item.track === 'video' ? [item.timeMs] : []));

describe('what is remembered of a feed', () => {
  it('goes back to the key before the time asked for, and begins with its cluster', () => {
    const since = filled(3_000, 8).since(6_400);
    expect(since?.keyMs).toBe(6_000);
    expect(since?.items[0]).toBe(cluster);
    expect(times(since?.items)).toEqual(Array.from({ length: 20 }, (_, index) => 6_000 + 100 * index));
  });

  it('is whole groups, back to the time that is wanted', () => {
    const all = filled(3_000, 8).since(null);
    expect(all?.keyMs).toBe(4_000);
    expect(filled(3_000, 8).since(1_000)?.keyMs).toBe(4_000);
  });

  it('is bounded by bytes, though keys stay away', () => {
    const feed = new RememberedFeed(60_000);
    feed.add(cluster);
    feed.add(picture(0, true));
    for (let ms = 100; ms < 4_000; ms += 100) feed.add(picture(ms, false, 1_000_000));
    expect(feed.since(null)).toBeNull();
    feed.add(cluster);
    feed.add(picture(4_000, true));
    expect(feed.since(null)?.keyMs).toBe(4_000);
  });

  it('begins at a key: a cluster that opens within a group belongs to it', () => {
    const feed = new RememberedFeed(10_000);
    feed.add(picture(0, false));
    expect(feed.since(null)).toBeNull();
    feed.add(cluster);
    feed.add(picture(100, true));
    feed.add(cluster);
    feed.add(sound(5_100));
    feed.add(picture(5_200, false));
    expect(feed.since(null)).toMatchObject({ keyMs: 100 });
    expect(feed.since(5_150)?.items.filter(({ kind }) => kind === 'cluster')).toHaveLength(2);
  });

  it('of sound alone begins at any cluster', () => {
    const feed = new RememberedFeed(2_000);
    for (let ms = 0; ms < 10_000; ms += 500) {
      if (ms % 1000 === 0) feed.add(cluster);
      feed.add(sound(ms));
    }
    expect(feed.since(9_500)?.keyMs).toBe(9_000);
  });
});
