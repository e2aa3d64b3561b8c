import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadUws } from '../../src/http/load-uws.js';
import { cleanUp, newFolder, type TestBox, until } from '../box.js';
import { metricsOf, startEdge } from '../edge-process.js';
import { askKnown, type Ended } from './known-answer.js';
import { KnownOrigin } from './known-origin.js';
import { type Seen, upstreamFaults } from './upstream-faults.js';

const engines = loadUws().loaded ? (['uws', 'node'] as const) : (['node'] as const);

afterAll(cleanUp);

/** Side by side: some wait for the edge's deadlines of 30 s. */
describe.concurrent.each(engines)('an upstream, before an edge of the %s engine, that', (engine) => {
  let origin: KnownOrigin;
  let edge: TestBox;

  beforeAll(async () => {
    origin = await KnownOrigin.open();
    edge = await startBefore(origin, engine);
  });
  afterAll(async () => {
    expect(await edge.kill('SIGTERM')).toBe(0);
    await origin.die();
  });

  it.each(Object.entries(upstreamFaults))('%s', async (_, { path, says, sees }) => {
    origin.faults.set(path, says);
    // Together: all share one fetch, and one fate.
    const ended = await Promise.all([1, 2, 3].map(() => askKnown(edge.http, path)));
    for (const each of ended) expect(sees).toContain(seenIn(each));
    origin.faults.delete(path);
    await servesWell(edge, origin, path);
  });
});

it.each(engines)('an upstream that is gone for a while serves again when it is back (%s engine)', async (engine) => {
  const origin = await KnownOrigin.open();
  const edge = await startBefore(origin, engine);
  await servesWell(edge, origin, '/kept/5000');
  origin.faults.set('/broken/70000', () => undefined);
  const breaking = askKnown(edge.http, '/broken/70000');
  await until(() => origin.asked === 2, 10_000);
  await origin.die();
  expect(seenIn(await breaking)).toBe(502);
  expect(seenIn(await askKnown(edge.http, '/gone/5000'))).toBe(502);
  expect(await askKnown(edge.http, '/kept/5000')).toMatchObject({ how: 'whole', status: 200 });
  expect((await metricsOf(edge)).sum('edge_upstream_errors_total')).toBeGreaterThan(0);
  origin.faults.clear();
  await origin.rise();
  await servesWell(edge, origin, '/gone/5000');
  await servesWell(edge, origin, '/broken/70000');
  expect(await edge.kill('SIGTERM')).toBe(0);
  await origin.die();
});

function startBefore(origin: KnownOrigin, engine: string): Promise<TestBox> {
  const cache = ['--cache-memory', '16MiB', '--cache-disk', `${newFolder()}:64MiB`];
  return startEdge(origin.url, [...cache, '--set', `http.engine=${engine}`]);
}

/** In its newest version, and then from the cache. */
async function servesWell(edge: TestBox, origin: KnownOrigin, path: string): Promise<void> {
  const newest = { how: 'whole', status: 200, version: origin.versionOf(path) };
  expect(await askKnown(edge.http, path)).toMatchObject(newest);
  const isHit = async () => {
    const again = await askKnown(edge.http, path);
    expect(again).toMatchObject(newest);
    return again.how === 'whole' && /; hit/.test(again.cacheStatus);
  };
  await until(isHit, 30_000, () => `${path} is never kept`);
}

function seenIn(ended: Ended): Seen | number {
  if (ended.how !== 'whole') return ended.how;
  return ended.status === 200 ? 'whole' : ended.status;
}
