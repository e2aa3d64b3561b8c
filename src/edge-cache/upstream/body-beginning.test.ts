import type { RequestListener, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Behind,
  headOf,
  heldAnswers,
  nextChunk,
  openBehind,
  openScene,
  readAnswer,
  type Scene,
  type SceneOptions,
  until,
} from '../edge.fixture.js';

const minute = { 'cache-control': 'max-age=60' };
const unkept = { 'cache-control': 'no-store' };
type Fields = Record<string, string | number>;

/** Its head, and no more: the connection closes behind it. */
function breakOff(response: ServerResponse, fields: Fields): void {
  response.writeHead(200, fields);
  response.flushHeaders();
  response.socket?.end();
}
const breaksOff =
  (fields: Fields): RequestListener =>
  (_request, response) =>
    breakOff(response, fields);
/** The same, and the connection stays. */
const fallsSilent =
  (fields: Fields): RequestListener =>
  (_request, response) => {
    response.writeHead(200, fields);
    response.flushHeaders();
  };

describe.each(['node', 'uws', 'uws-threads'] as const)(
  'an answer that ends behind its head, at the %s engine',
  (engine) => {
    let scene: Scene;
    afterEach(() => scene.close());
    const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
      scene = await openScene({ engine, api: null, ...options });
      return scene;
    };

    describe.each([
      ['of known length', { 'content-length': 9 }],
      ['in chunks', {}],
    ])('%s', (_how, length) => {
      it.each([
        ['that could be kept', minute],
        ['for one client', unkept],
      ])('is a 502, asked for once more (%s)', async (_what, fields) => {
        const { ask, origin, edge } = await open({ originSays: breaksOff({ ...fields, ...length }) });
        const answer = await ask('/a');
        expect(answer).toMatchObject({ status: 502, headers: { 'content-type': 'application/problem+json' } });
        expect(answer.cacheStatus).toContain('detail=upstream-broke');
        expect(origin.asked).toEqual(['GET /a', 'GET /a']);
        expect(edge.stats()).toMatchObject({ objects: 0, memoryBytes: 0 });
      });

      it.each([
        ['that could be kept', minute],
        ['for one client', unkept],
      ])('is a 504 where it falls silent (%s)', async (_what, fields) => {
        const { ask } = await open({
          originSays: fallsSilent({ ...fields, ...length }),
          originLimits: { bodyMs: 300 },
        });
        expect(await ask('/a')).toMatchObject({ status: 504, headers: { 'content-type': 'application/problem+json' } });
      });

      it('is none where the second one is whole', async () => {
        let times = 0;
        const { ask } = await open({
          originSays: (_request, response) => {
            times += 1;
            if (times === 1) breakOff(response, { ...minute, ...length });
            else response.writeHead(200, { ...minute, ...length }).end('new whole');
          },
        });
        expect(await ask('/a')).toMatchObject({ status: 200, body: 'new whole' });
        expect((await ask('/a')).cacheStatus).toContain('hit');
      });

      it('is a 502 for a POST, which is not repeated', async () => {
        const { ask, origin } = await open({ originSays: breaksOff({ ...unkept, ...length }) });
        expect((await ask('/a', { method: 'POST', body: 'x' })).status).toBe(502);
        expect(origin.asked).toEqual(['POST /a']);
      });
    });

    it('is a 502 for all that wait for it', async () => {
      const { answers, says } = heldAnswers();
      const { ask, origin } = await open({ originSays: says });
      const asking = Array.from({ length: 20 }, () => ask('/a'));
      await until(() => answers.length === 1 && scene.received.count === 20, 'all have asked');
      origin.says = breaksOff({ ...minute, 'content-length': 9 });
      breakOff(answers[0] as ServerResponse, { ...minute, 'content-length': 9 });
      expect(new Set((await Promise.all(asking)).map(({ status }) => status))).toEqual(new Set([502]));
      expect(origin.asked).toHaveLength(2);
    });

    it('gives way to what is stale', async () => {
      const { ask, origin, clock } = await open({
        staleIfErrorMs: 60_000,
        originLimits: { bodyMs: 300 },
        originSays: (_request, response) => response.writeHead(200, { ...minute, etag: '"1"' }).end('kept'),
      });
      await ask('/a');
      clock.now += 61_000;
      origin.says = breaksOff({ ...minute, 'content-length': 9 });
      expect((await ask('/a')).cacheStatus).toContain('detail=stale-if-error');
      origin.says = fallsSilent({ ...minute, 'content-length': 9 });
      expect(await ask('/a')).toMatchObject({ status: 200, body: 'kept' });
    });

    it('is no matter of those that have left', async () => {
      const { answers, says } = heldAnswers();
      const { origin } = await open({ originSays: says });
      const leaving = scene.open('/a', { headers: { 'cache-control': 'no-store' } });
      await until(() => answers.length === 1, 'the origin is asked');
      answers[0]?.writeHead(200, { 'content-length': 9 }).flushHeaders();
      leaving.destroy();
      await until(() => answers[0]?.destroyed === true, 'its request is cancelled');
      expect(origin.asked).toHaveLength(1);
    });
  },
);

describe.each(['node', 'uws', 'uws-threads'] as const)('a head without its body, at the %s engine', (engine) => {
  let scene: Scene;
  let answers: ServerResponse[];
  beforeEach(async () => {
    const held = heldAnswers();
    answers = held.answers;
    scene = await openScene({ engine, api: null, originSays: held.says });
  });
  afterEach(() => scene.close());

  it.each([
    ['that could be kept', minute],
    ['of events for one client', { ...unkept, 'content-type': 'text/event-stream' }],
  ])('goes on with the first byte of a body that is made as it goes (%s)', async (_what, fields) => {
    const first = scene.open('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, fields).flushHeaders();
    answers[0]?.write('1');
    const head = await headOf(first);
    expect(await nextChunk(head)).toBe('1');
    answers[0]?.write('2');
    expect(await nextChunk(head)).toBe('2');
    answers[0]?.end();
  });

  it.each([
    ['of known length', { 'content-length': 9 }],
    ['in chunks', {}],
  ])('waits for its first byte, and all that ask meanwhile with it (%s)', async (_how, length) => {
    let begun = false;
    const early: boolean[] = [];
    const openAt = () => scene.open('/a').once('response', () => void early.push(!begun));
    const first = openAt();
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, ...length }).flushHeaders();
    const late = openAt();
    await until(() => scene.received.count === 2, 'both have asked');
    await new Promise((resolve) => setTimeout(resolve, 50));
    begun = true;
    answers[0]?.write('begin');
    const heads = await Promise.all([headOf(first), headOf(late)]);
    expect(await Promise.all(heads.map(nextChunk))).toEqual(['begin', 'begin']);
    answers[0]?.end(' end');
    expect(await Promise.all(heads.map(nextChunk))).toEqual([' end', ' end']);
    expect(early).toEqual([false, false]);
    expect((await scene.ask('/a')).body).toBe('begin end');
  });

  it.each([
    ['of known length', { 'content-length': 0 }],
    ['in chunks', {}],
  ])('is an empty one, %s', async (_how, length) => {
    for (const [path, fields] of [
      ['/kept', minute],
      ['/alone', unkept],
    ] as const) {
      scene.origin.says = (_request, response) => response.writeHead(200, { ...fields, ...length }).end();
      expect(await scene.ask(path)).toMatchObject({ status: 200, body: '' });
    }
    expect((await scene.ask('/kept')).cacheStatus).toContain('hit');
  });

  it('is an empty one, in chunks, whose end comes later', async () => {
    const asking = readAnswer(scene.open('/a'));
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).flushHeaders();
    answers[0]?.end();
    expect(await asking).toMatchObject({ status: 200, body: '' });
    expect((await scene.ask('/a')).cacheStatus).toContain('hit');
  });

  it('is all of the answer to HEAD, of 204 and of 304, whatever length they state', async () => {
    scene.origin.says = (_request, response) => response.writeHead(200, { ...unkept, 'content-length': 9 }).end();
    expect((await scene.ask('/head', { method: 'HEAD' })).headers['content-length']).toBe('9');
    scene.origin.says = (_request, response) => response.writeHead(204, minute).end();
    expect((await scene.ask('/204')).status).toBe(204);
    const tagged = { ...minute, etag: '"1"', 'content-length': 9 };
    scene.origin.says = ({ headers }, response) =>
      headers['if-none-match'] === '"1"'
        ? response.writeHead(304, tagged).end()
        : response.writeHead(200, tagged).end('unchanged');
    await scene.ask('/304');
    scene.clock.now += 61_000;
    expect(await scene.ask('/304')).toMatchObject({ status: 200, body: 'unchanged' });
  });
});

describe('of several upstreams', () => {
  let scene: Scene;
  let servers: Behind[];
  afterEach(async () => {
    await scene.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  it.each([
    ['breaks off', { 'content-length': 9 }, breaksOff],
    ['breaks off', {}, breaksOff],
    ['falls silent', { 'content-length': 9 }, fallsSilent],
  ])('one that %s behind its head (%j) leaves it to another', async (_how, length, fails) => {
    const whole: RequestListener = (_request, response) => response.writeHead(200, unkept).end('whole');
    servers = await Promise.all([openBehind(whole), openBehind(whole)]);
    const origin = servers.map(({ url }) => ({ url, weight: 1 }));
    scene = await openScene({ engine: 'node', api: null, origin, originLimits: { headMs: 4000 } });
    const [sick] = servers;
    if (sick === undefined) return;
    sick.says = fails({ ...unkept, ...length });
    const paths = Array.from({ length: 12 }, (_, at) => `/${at}`);
    const answers = await Promise.all(paths.map((path) => scene.ask(path)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 whole']));
    expect(sick.asked.length).toBeGreaterThan(0);
  });
});
