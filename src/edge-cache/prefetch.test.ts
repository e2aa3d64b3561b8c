import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { gate, heldAnswers, openScene, type Scene, type SceneOptions, until } from './edge.fixture.js';

describe.each(['node', 'uws'] as const)('the next segment, behind the %s engine', (engine) => {
  let scene: Scene;
  const film = '/media/v_0123456789abcdef/v720';
  const says: RequestListener = (request, response) => {
    const number = Number(/(\d+)\.m4s$/.exec(request.url ?? '')?.[1] ?? 0);
    if (number > 4) return response.writeHead(404).end();
    return response.writeHead(200, { 'cache-control': 'max-age=600' }).end(`segment ${number}`);
  };
  const open = async (options: Omit<SceneOptions, 'engine'> = {}): Promise<void> => {
    scene = await openScene({ engine, prefetch: true, originSays: says, ...options });
  };
  const kept = (count: number) => until(() => scene.edge.stats().objects === count, `${count} are kept`);
  const counted = async (outcome: string) => {
    const text = await scene.metrics.text();
    return Number(new RegExp(`edge_prefetches_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  afterEach(() => scene.close());

  it('is here before it is asked for, one ahead of who watches', async () => {
    await open();
    expect((await scene.ask(`${film}/1.m4s`)).body).toBe('segment 1');
    await kept(2);
    expect(await scene.ask(`${film}/2.m4s`)).toMatchObject({
      body: 'segment 2',
      cacheStatus: 'Headwater; hit; ttl=600',
    });
    await kept(3);
    expect(scene.origin.asked).toEqual([1, 2, 3].map((number) => `GET ${film}/${number}.m4s`));
    expect([await counted('sent'), await counted('used')]).toEqual([2, 1]);
  });

  it('is asked for once, and not again where there is none', async () => {
    await open();
    for (let times = 0; times < 3; times += 1) await scene.ask(`${film}/4.m4s`);
    await until(() => scene.origin.asked.length === 2, 'the end is found');
    await scene.ask(`${film}/4.m4s`);
    scene.clock.now += 30_000;
    await scene.ask(`${film}/4.m4s`);
    expect(scene.origin.asked).toEqual([`GET ${film}/4.m4s`, `GET ${film}/5.m4s`]);
    scene.clock.now += 31_000;
    await scene.ask(`${film}/4.m4s`);
    await until(() => scene.origin.asked.length === 3, 'it is looked for again');
  });

  it('of a broadcast is joined by who comes while the origin holds it', async () => {
    const live = '/media/b_0123456789abcdef/v720';
    await open();
    await scene.ask(`${live}/1.m4s`);
    await kept(2);
    const held = heldAnswers();
    scene.origin.says = held.says;
    await scene.ask(`${live}/2.m4s`);
    await until(() => held.answers.length === 1, 'the next one is asked for');
    const joined = scene.ask(`${live}/3.m4s`);
    await until(() => scene.received.count === 3 && held.answers.length === 2, 'a client asks, and the one behind it');
    held.answers[0]?.writeHead(200, { 'cache-control': 'max-age=600' }).end('segment 3');
    expect(await joined).toMatchObject({ body: 'segment 3', cacheStatus: expect.stringContaining('collapsed') });
    expect(scene.origin.asked.slice(2)).toEqual([`GET ${live}/3.m4s`, `GET ${live}/4.m4s`]);
  });

  it.each([
    ['a part', `${film}/1.2.m4s`, {}],
    ['what has no number', `${film}/init.mp4`, {}],
    ['HEAD', `${film}/1.m4s`, { method: 'HEAD' }],
    ['what is no media of ours', '/page/1.m4s', {}],
  ])('is not fetched for %s', async (_, path, asking) => {
    await open();
    await scene.ask(path, asking);
    await scene.ask('/page');
    expect(scene.origin.asked).toHaveLength(2);
  });

  it('is not fetched where that is off', async () => {
    await open({ prefetch: false });
    await scene.ask(`${film}/1.m4s`);
    await scene.ask('/page');
    expect(scene.origin.asked).toHaveLength(2);
  });

  it('waits behind nobody: more than 64 at once are not fetched ahead', async () => {
    await open();
    const { opened, open: letGo } = gate();
    const ahead = new Set<string>();
    scene.origin.says = (request, response) => {
      if (!request.url?.endsWith('/2.m4s')) return says(request, response);
      ahead.add(request.url);
      return void opened.then(() => says(request, response));
    };
    const films = Array.from({ length: 70 }, (_unused, at) => `/media/v_0123456789abcd${at + 10}/v720`);
    await Promise.all(films.map((each) => scene.ask(`${each}/1.m4s`)));
    await until(() => ahead.size === 64, 'as many as may be');
    expect([ahead.size, await counted('refused')]).toEqual([64, 6]);
    letGo();
    await kept(70 + 64);
  });
});
