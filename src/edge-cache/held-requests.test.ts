import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import {
  gate,
  headOf,
  heldAnswers,
  nextChunk,
  openScene,
  readAnswer,
  type Scene,
  type SceneOptions,
  until,
} from './edge.fixture.js';

const second = { 'cache-control': 'public, max-age=1' };
const playlist = '/live/town/v720.m3u8';
const blocking = `${playlist}?_HLS_msn=7&_HLS_part=1`;
const segment = '/media/b_0123456789abcdef/v720/7.m4s';
const part = '/media/b_0123456789abcdef/v720/7.2.m4s';

describe.each(['node', 'uws', 'uws-threads'] as const)('what the origin holds back, behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
    scene = await openScene({ engine, ...options });
    return scene;
  };
  afterEach(() => scene.close());

  it.each([blocking, part, segment])('may come later than other answers: %s', async (path) => {
    const late = gate();
    const { ask } = await open({
      originSays: async (_request, response) => {
        await late.opened;
        response.writeHead(200, second).end('late');
      },
      originLimits: { headMs: 300 },
      heldLimits: { headMs: 60_000 },
    });
    const waiting = ask(path);
    // undici's timers are coarse: when this one is over, the other one's time would be too.
    expect(await ask(playlist)).toMatchObject({ status: 504 });
    late.open();
    expect(await waiting).toMatchObject({ status: 200, body: 'late' });
  });

  it('leaves the connections for others free', async () => {
    const { answers, says } = heldAnswers();
    const { ask, origin } = await open({ originSays: says, originLimits: { concurrent: 1, waitersMax: 0 } });
    const waiting = [ask(blocking), ask(part), ask(segment)];
    await until(() => answers.length === 3, 'all three are asked for');
    origin.says = (_request, response) => response.writeHead(200, second).end('at once');
    expect(await ask('/media/b_0123456789abcdef/v720/init-1.mp4')).toMatchObject({ body: 'at once' });
    for (const answer of answers) answer.writeHead(200, second).end('late');
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['late', 'late', 'late']);
  });

  it('is asked for once by all who wait for it, however they write it, though it took longer than it may be kept', async () => {
    const { answers, says } = heldAnswers();
    const { ask, origin, clock } = await open({ originSays: says });
    const ways = ['_HLS_msn=7&_HLS_part=1', '_HLS_part=1&_HLS_msn=7&x=2', '_HLS_msn=007&_HLS_part=01&_HLS_msn=8'];
    const asking = Array.from({ length: 60 }, (_, index) => ask(`${playlist}?${ways[index % ways.length]}`));
    await until(() => answers.length === 1 && scene.received.count === 60, 'all have asked');
    clock.now += 4_000;
    // The origin's clock, and one that lags.
    const date = new Date(clock.now - 1_000).toUTCString();
    answers[0]?.writeHead(200, { ...second, date, 'content-length': 4 }).end('part');
    const got = await Promise.all(asking);
    expect(new Set(got.map(({ body }) => body))).toEqual(new Set(['part']));
    expect(await ask(blocking)).toMatchObject({ body: 'part', cacheStatus: 'Headwater; hit; ttl=1' });
    expect(origin.asked).toEqual([`GET ${blocking}`]);
  });

  it('is asked for by HEAD too', async () => {
    const { ask, origin } = await open({
      originSays: (_request, response) => response.writeHead(200, second).end('x'),
    });
    expect(await ask(blocking, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await ask(blocking)).toMatchObject({ body: 'x', cacheStatus: 'Headwater; hit; ttl=1' });
    expect(origin.asked).toEqual([`GET ${blocking}`]);
  });

  it('comes to those who stay, when others leave; and is let go when the last one leaves', async () => {
    const { answers, says } = heldAnswers();
    const { ask, open: openRequest, origin } = await open({ originSays: says });
    const leaving = [openRequest(blocking), openRequest(blocking)];
    await until(() => answers.length === 1 && scene.received.count === 2, 'both have asked');
    leaving[0]?.destroy();
    const staying = ask(blocking);
    await until(() => scene.received.count === 3, 'the third has asked');
    leaving[1]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    answers[0]?.writeHead(200, second).end('for those who stayed');
    expect((await staying).body).toBe('for those who stayed');

    const next = `${playlist}?_HLS_msn=7&_HLS_part=2`;
    const alone = openRequest(next);
    await until(() => answers.length === 2, 'the next is asked for');
    alone.destroy();
    await until(() => answers[1]?.destroyed === true, 'the request at the origin is let go');
    const again = ask(next);
    await until(() => answers.length === 3, 'the next is asked for anew');
    answers[2]?.writeHead(200, second).end('anew');
    expect((await again).body).toBe('anew');
    expect(origin.asked).toHaveLength(3);
  });

  it('grows before the eyes of all who read it, and is kept once it has ended well', async () => {
    const { answers, says } = heldAnswers();
    const { ask, open: openRequest, origin } = await open({ originSays: says });
    const forever = { 'cache-control': 'public, max-age=31536000, immutable' };
    const first = openRequest(segment);
    await until(() => answers.length === 1, 'the segment is asked for');
    answers[0]?.writeHead(200, forever).write('part 0 ');
    const early = await headOf(first);
    expect(await nextChunk(early)).toBe('part 0 ');
    answers[0]?.write('part 1 ');
    expect(await nextChunk(early)).toBe('part 1 ');
    const late = await headOf(openRequest(segment));
    expect(await nextChunk(late)).toBe('part 0 part 1 ');
    const range = await ask(segment, { headers: { range: 'bytes=7-12' } });
    expect(range).toMatchObject({ status: 206, body: 'part 1' });
    answers[0]?.end('part 2');
    expect(await nextChunk(late)).toBe('part 2');
    const whole = await ask(segment);
    expect(whole).toMatchObject({ body: 'part 0 part 1 part 2', headers: { 'content-length': '20' } });
    expect(whole.cacheStatus).toMatch(/hit/);
    expect(origin.asked).toHaveLength(1);
  });

  it('is not kept where it broke off while it grew', async () => {
    const { answers, says } = heldAnswers();
    const { ask, open: openRequest, origin, edge } = await open({ originSays: says });
    const reading = openRequest(segment);
    await until(() => answers.length === 1, 'the segment is asked for');
    answers[0]?.writeHead(200, { 'cache-control': 'max-age=60' }).write('part 0 ');
    const incoming = await headOf(reading);
    expect(await nextChunk(incoming)).toBe('part 0 ');
    const late = readAnswer(openRequest(segment));
    await until(() => scene.received.count === 2, 'a second reads along');
    answers[0]?.destroy();
    await expect(late).rejects.toThrow();
    await until(() => incoming.destroyed, 'the first is cut');
    expect(incoming.complete).toBe(false);
    expect(edge.stats().objects).toBe(0);
    origin.says = (_request, response) => response.writeHead(200, second).end('whole');
    expect((await ask(segment)).body).toBe('whole');
  });

  it('has two variants, compressed and plain, whatever clients write into Accept-Encoding', async () => {
    const waiting: (() => void)[] = [];
    const { ask, origin } = await open({
      originSays: (request, response) => {
        const gzip = request.headers['accept-encoding'] === 'gzip';
        const body = gzip ? gzipSync('playlist') : Buffer.from('playlist');
        const coded = gzip ? { 'content-encoding': 'gzip' } : {};
        const head = { ...second, ...coded, vary: 'Accept-Encoding', 'content-length': body.length };
        waiting.push(() => response.writeHead(200, head).end(body));
      },
    });
    const compressed = ['gzip', 'gzip, deflate, br', 'br;q=1.0, gzip;q=0.8, *;q=0.1'];
    const plain = ['identity', 'br', 'gzip;q=0'];
    const herd = (fields: readonly string[]) =>
      Promise.all([...fields, ...fields].map((field) => ask(blocking, { headers: { 'accept-encoding': field } })));
    const both = Promise.all([herd(compressed), herd(plain)]);
    await until(() => waiting.length === 2 && scene.received.count === 12, 'all have asked');
    for (const answer of waiting) answer();
    const [small, large] = await both;
    for (const { body } of small) expect(gunzipSync(Buffer.from(body, 'latin1')).toString()).toBe('playlist');
    for (const { body } of large) expect(body).toBe('playlist');
    expect(new Set([...(await herd(compressed)), ...(await herd(plain))].map((each) => each.cacheStatus))).toEqual(
      new Set(['Headwater; hit; ttl=1']),
    );
    expect(origin.requests.map(({ headers }) => headers['accept-encoding']).sort()).toEqual(['gzip', undefined]);
  });
});
