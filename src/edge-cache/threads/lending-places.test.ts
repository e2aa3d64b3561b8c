import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { until } from '../edge.fixture.js';
import { EdgeMetrics } from '../edge-metrics.js';
import { CachedObject } from '../memory/cached-object.js';
import { head } from '../memory/heads.fixture.js';
import { MemoryTier } from '../memory/memory-tier.js';
import { Lending } from './lending.js';
import type { LoanMessage } from './loan-messages.js';
import { LoanTable } from './loan-table.js';

describe('four places for what is lent', () => {
  const told: LoanMessage[] = [];
  const lending = new Lending({ variationsOf: () => null }, 4);
  const borrower = new LoanTable(lending.places.loans, 4);
  const tier = new MemoryTier({ bytesMax: 1024 * 1024, metrics: new EdgeMetrics(new Metrics()), log: silentLog });
  lending.begin((message) => told.push(message));
  afterEach(() => lending.close());

  const put = (key: string): CachedObject => {
    const object = CachedObject.open({ key, head, length: 5, bytesMax: 5, room: tier });
    if (object === null) throw new Error('no room');
    void object.append(Buffer.from('hello'));
    object.complete();
    tier.put(object);
    return object;
  };

  it('go from what is no longer asked for to what is', async () => {
    const objects = ['a', 'b', 'c', 'd', 'e'].map(put);
    const lent = () => objects.filter(({ loan }) => loan !== null).map(({ key }) => key);
    const places = new Map<string, number>();
    for (const object of objects) {
      lending.lend(object);
      const last = told.at(-1);
      if (last?.kind === 'lent') places.set(last.name, last.place);
    }
    expect(lent()).toEqual(['a', 'b', 'c', 'd']);
    // Those that go on being used stay; `c` is still being read when its loan ends.
    const used = ['a', 'b', 'd'].map((key) => places.get(key) ?? -1);
    const placeOfC = places.get('c') ?? -1;
    borrower.pin(placeOfC);
    await until(() => {
      for (const place of used) borrower.countUse(place);
      return !lent().includes('c');
    }, 'the loan that nobody uses has ended');
    const [e] = objects.slice(-1) as [CachedObject];
    lending.lend(e);
    expect(lent()).toEqual(['a', 'b', 'd']);
    borrower.unpin(placeOfC);
    await until(() => {
      for (const place of used) borrower.countUse(place);
      lending.lend(e);
      return e.loan !== null;
    }, 'there is a place');
    expect(lent()).toEqual(['a', 'b', 'd', 'e']);
  });
});
