import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { EdgeMetrics } from '../edge-metrics.js';
import { CachedObject } from './cached-object.js';
import { head } from './heads.fixture.js';
import { MemoryTier } from './memory-tier.js';

const kibibyte = 1024;

describe('the memory tier', () => {
  let tier: MemoryTier;
  beforeEach(() => {
    tier = new MemoryTier({ bytesMax: 100 * kibibyte, metrics: new EdgeMetrics(new Metrics()), log: silentLog });
  });

  const open = (key: string, bytes: number): CachedObject | null =>
    CachedObject.open({ key, head, length: bytes, bytesMax: 50 * kibibyte, room: tier });
  const put = (key: string, bytes: number): CachedObject => {
    const object = open(key, bytes);
    if (object === null) throw new Error(`no room for ${key}`);
    object.append(Buffer.alloc(bytes, key));
    expect(object.complete()).toBe(true);
    tier.put(object);
    return object;
  };

  it('drops what was used longest ago when it is full', () => {
    for (const key of ['a', 'b', 'c', 'd']) put(key, 20 * kibibyte);
    tier.get('a');
    put('e', 20 * kibibyte);
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => tier.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
  });

  it('has room for as many bodies whose length nobody said', () => {
    const metrics = new EdgeMetrics(new Metrics());
    tier = new MemoryTier({ bytesMax: 8 * 1024 * kibibyte, metrics, log: silentLog });
    for (const bytes of [1000, 70 * kibibyte]) {
      const many = Math.floor((4 * 1024 * kibibyte) / (bytes + 2 * kibibyte));
      const keys = Array.from({ length: many }, (_, at) => `${bytes} ${at}`);
      for (const key of keys) {
        const object = CachedObject.open({ key, head, length: null, bytesMax: 512 * kibibyte, room: tier });
        object?.append(Buffer.alloc(bytes, key));
        expect(object?.complete()).toBe(true);
        if (object !== null) tier.put(object);
      }
      for (const key of keys) {
        const kept = tier.get(key);
        expect(kept && Buffer.compare(kept.view(0, bytes), Buffer.alloc(bytes, key)), key).toBe(0);
      }
    }
  });

  it('keeps no more heads than V8 has room for, whatever becomes of them', () => {
    const metrics = new EdgeMetrics(new Metrics());
    tier = new MemoryTier({ bytesMax: 1024 * kibibyte, headBytesMax: 20 * kibibyte, metrics, log: silentLog });
    const headBytes = put('0000', 1).headWeight;
    const most = Math.floor((20 * kibibyte) / headBytes);
    for (let at = 1; at < 100; at += 1) put(String(at).padStart(4, '0'), 1);
    expect(tier.objects).toBe(most);
    expect(tier.has('0099')).toBe(true);
    const kept = [...tier.kept()].map(({ key }) => key);
    // Replaced, and then removed. For what replaces something there is room before that goes.
    for (const key of kept) put(key, 1);
    expect(tier.objects).toBeGreaterThanOrEqual(most - 1);
    for (const key of kept) tier.remove(key);
    for (let at = 100; at < 200; at += 1) put(String(at).padStart(4, '0'), 1);
    expect(tier.objects).toBe(most);
    const large = { ...head, headers: [['x', 'y'.repeat(21 * kibibyte)] as const] };
    const object = CachedObject.open({ key: 'large', head: large, length: 0, bytesMax: 1, room: tier });
    object?.complete();
    if (object !== null) tier.put(object);
    expect([object?.phase, tier.has('large')]).toEqual(['failed', false]);
  });

  it('keeps what is in use through a walk over more than it can hold', () => {
    const hot = ['a', 'b', 'c', 'd'];
    for (const key of hot) put(key, 18 * kibibyte);
    for (const key of hot) tier.get(key);
    for (let at = 0; at < 100; at += 1) put(`walk ${at}`, 6 * kibibyte);
    expect(hot.filter((key) => tier.get(key) !== undefined)).toEqual(hot);
  });

  it('lets a reader finish what was evicted meanwhile', () => {
    const object = put('a', 20 * kibibyte);
    const reader = object.openReader(0);
    for (const key of ['b', 'c', 'd', 'e', 'f']) put(key, 20 * kibibyte);
    expect(tier.get('a')).toBeUndefined();
    expect(object.view(0, 20 * kibibyte)).toHaveLength(20 * kibibyte);
    const pinned = tier.bytes;
    reader.close();
    expect(tier.bytes).toBeLessThan(pinned - 20 * kibibyte);
  });

  it('cuts the readers of what has been pinned longest when too much is, and has its memory once they have left', async () => {
    const objects = ['a', 'b', 'c', 'd', 'e'].map((key) => {
      const object = put(key, 18 * kibibyte);
      const reader = object.openReader(0);
      void reader.change().then(() => reader.close());
      return object;
    });
    expect(open('f', 18 * kibibyte)).toBeNull();
    expect(objects[0]?.phase).toBe('failed');
    // A reader that is cut hears of it within the turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(put('f', 18 * kibibyte).phase).toBe('complete');
    expect(objects.at(-1)?.phase).toBe('complete');
    expect(tier.bytes).toBeLessThanOrEqual(100 * kibibyte);
  });

  it('lends no byte of what is still read, though it was cut', () => {
    const object = put('a', 20 * kibibyte);
    const bytes = object.view(0, 20 * kibibyte);
    const reader = object.openReader(0);
    object.fail();
    tier.remove('a');
    for (let at = 0; at < 20; at += 1) put(`${at}`, 20 * kibibyte);
    expect(Buffer.from(bytes).toString()).toBe('a'.repeat(20 * kibibyte));
    reader.close();
    for (let at = 0; at < 20; at += 1) put(`b${at}`, 20 * kibibyte);
    expect(Buffer.from(bytes).toString()).not.toContain('a');
  });

  it('gives fills at most half of its memory', () => {
    const fills = ['a', 'b', 'c'].map((key) => open(key, 20 * kibibyte));
    expect(fills.map((object) => object !== null)).toEqual([true, true, false]);
    fills[0]?.fail();
    expect(open('c', 20 * kibibyte)).not.toBeNull();
  });

  it('stays within its memory and counts right, whatever happens', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      bytes: fc.nat(30 * kibibyte),
      known: fc.boolean(),
      end: fc.constantFrom('put', 'fail', 'hold', 'remove'),
      read: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const bytesMax = 100 * kibibyte;
        const room = new MemoryTier({ bytesMax, metrics: new EdgeMetrics(new Metrics()), log: silentLog });
        const ends: (() => void)[] = [];
        for (const { key, bytes, known, end, read } of steps) {
          const length = known ? bytes : null;
          const object = CachedObject.open({ key, head, length, bytesMax: 50 * kibibyte, room });
          if (object === null) continue;
          if (read) ends.push(() => reader.close());
          const reader = object.openReader(0);
          if (!read) reader.close();
          object.append(Buffer.alloc(bytes));
          if (end === 'hold') ends.push(() => object.fail());
          else if (end === 'fail' || object.phase !== 'filling') object.fail();
          else if (object.complete()) room.put(object);
          if (end === 'remove') room.remove(key);
          expect(room.bytes).toBeLessThanOrEqual(bytesMax);
        }
        for (const finish of ends) finish();
        for (const key of ['a', 'b', 'c', 'd', 'e']) room.remove(key);
        expect(room.bytes).toBe(0);
      }),
    );
  });
});

describe('an object', () => {
  const unlimited = { take: () => true, giveBack: () => undefined };

  it('gives every reader exactly the bytes that came, wherever it starts and however they were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 })), fc.boolean(), fc.nat(5000), (chunks, known, from) => {
        const whole = Buffer.concat(chunks);
        const length = known ? whole.length : null;
        const object = CachedObject.open({ key: 'a', head, length, bytesMax: 10 * 1024 * 1024, room: unlimited });
        if (object === null) throw new Error('there is room');
        const got: Uint8Array[] = [];
        let at = Math.min(from, whole.length);
        for (const chunk of chunks) {
          object.append(chunk);
          const view = object.view(at, at + 1000);
          got.push(view);
          at += view.length;
        }
        expect(object.complete()).toBe(true);
        got.push(object.view(at, whole.length));
        expect(Buffer.concat(got).equals(whole.subarray(Math.min(from, whole.length)))).toBe(true);
      }),
    );
  });

  it('has failed when it is shorter than announced', () => {
    const object = CachedObject.open({ key: 'a', head, length: 5, bytesMax: 10, room: unlimited });
    object?.append(Buffer.from('four'));
    expect(object?.complete()).toBe(false);
    expect(object?.phase).toBe('failed');
  });

  it('waits, once it has outgrown its memory, for the slowest of its readers', async () => {
    const object = CachedObject.open({ key: 'a', head, length: null, bytesMax: 4, room: unlimited });
    const reader = object?.openReader(0);
    expect(object?.append(Buffer.from('0123'))).toBeUndefined();
    const held = object?.append(Buffer.from('4567'));
    expect(object?.phase).toBe('overflowed');
    expect(String(object?.view(0, 9))).toBe('0123');
    reader?.moveTo(4);
    await held;
    expect(String(object?.view(4, 9))).toBe('4567');
    expect(object?.complete()).toBe(true);
  });
});
