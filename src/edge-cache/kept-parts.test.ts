import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { EdgeMetrics } from './edge-metrics.js';
import { KeptParts, partName } from './kept-parts.js';
import { CachedObject, type StoredHead } from './memory/cached-object.js';
import { MemoryTier } from './memory/memory-tier.js';
import { contentRange } from './semantics/byte-range.js';

const total = 64;
const bodies = new Map(
  ['"a"', '"b"', 'W/"c"'].map((etag, at) => [etag, Buffer.from(Array.from({ length: total }, (_, i) => i + 64 * at))]),
);
const freshness = {
  ...{ lifetimeMs: 1, initialAgeMs: 0, receivedAt: 0 },
  stale: { forbidden: true, whileRevalidateMs: 0, ifErrorMs: null },
};
const headOf = (etag: string, first: number, last: number): StoredHead => ({
  ...{ status: 200, upstreamStatus: '', etag, lastModified: null, date: 0, freshness },
  headers: [['etag', etag], contentRange({ first, last }, total)],
});

describe('kept parts', () => {
  /** Some cases have hardly any memory: then parts vanish, and nothing else may. */
  it.each([
    ['enough memory', 1024 * 1024],
    ['too little memory', 6 * 1024],
  ])('have the bytes of their place and their body, and leave nothing behind, with %s', (_how, bytesMax) => {
    const part = fc.record({ etag: fc.constantFrom(...bodies.keys()), one: fc.nat(63), other: fc.nat(63) });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (steps) => {
        const tier = new MemoryTier({ bytesMax, metrics: new EdgeMetrics(new Metrics()), log: silentLog });
        const parts = new KeptParts(tier, total);
        for (const { etag, one, other } of steps) {
          const [first, last] = [Math.min(one, other), Math.max(one, other)];
          const key = partName('/a', { first, last, total });
          const length = last - first + 1;
          const head = headOf(etag, first, last);
          const object = CachedObject.open({ key, head, length, bytesMax: total, room: tier });
          if (object === null) throw new Error('there is room for one part');
          void object.append((bodies.get(etag) as Buffer).subarray(first, last + 1));
          object.complete();
          parts.keep('/a', object);
          const kept = parts.of('/a');
          expect(kept.length).toBeLessThanOrEqual(8);
          for (const { object: found, place } of kept) {
            const whole = bodies.get(found.head.etag ?? '') as Buffer;
            expect([...found.view(0, found.filled)]).toEqual([...whole.subarray(place.first, place.last + 1)]);
          }
          const whole = tier.get('/a');
          if (whole !== undefined) {
            expect([...whole.view(0, whole.filled)]).toEqual([...(bodies.get(whole.head.etag ?? '') as Buffer)]);
            expect(whole.head.headers).toEqual([['etag', whole.head.etag]]);
          }
        }
        tier.remove('/a');
        parts.forget('/a');
        expect([tier.objects, tier.bytes]).toEqual([0, 0]);
      }),
    );
  });
});
