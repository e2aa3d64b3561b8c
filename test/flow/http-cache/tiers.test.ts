import { afterEach, describe, expect, it } from 'vitest';
import { openScene, type Scene } from '../../../src/edge-cache/edge.fixture.js';

/** An edge behind an edge, before a box: what one has kept for a while, the next keeps for so much less (RFC 9111 §4.2.3). */
describe.each(['node', 'uws'] as const)('two tiers behind the %s engine', (engine) => {
  const scenes: Scene[] = [];
  afterEach(async () => {
    for (const scene of scenes.splice(0).reverse()) await scene.close();
  });

  it.each([
    ['a playlist', '/live/town/v720.m3u8'],
    ['a playlist that was waited for', '/live/town/v720.m3u8?_HLS_msn=7&_HLS_part=1'],
    ['a page', '/watch/town'],
  ])('keep %s for its lifetime, and no longer', async (_, path) => {
    // uWebSockets.js dates what the shield sends by the system's clock, as of the last second or two: none of it may look older than it is.
    const clock = { now: Date.now() - 10_000 };
    const shared = { engine, now: () => clock.now };
    const shield = await openScene({ ...shared });
    scenes.push(shield);
    shield.origin.says = (_request, response) => {
      const date = new Date(clock.now).toUTCString();
      response.writeHead(200, { 'cache-control': 'max-age=6', date }).end(String(shield.origin.asked.length));
    };
    const edge = await openScene({ ...shared, origin: new URL(`http://127.0.0.1:${shield.port}`) });
    scenes.push(edge);
    await shield.ask(path);
    clock.now += 4000;
    const first = await edge.ask(path);
    expect([first.body, first.headers.age]).toEqual(['1', '4']);
    expect(first.cacheStatus).toMatch(
      /^Headwater; hit; ttl=2, Headwater; fwd=uri-miss; fwd-status=200; stored; ttl=2$/,
    );
    clock.now += 1900;
    expect((await edge.ask(path)).body).toBe('1');
    clock.now += 200;
    expect((await edge.ask(path)).body).toBe('2');
    expect(shield.origin.asked).toHaveLength(2);
  });
});
