import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  gate,
  headOf,
  heldAnswers,
  mebibyte,
  nextChunk,
  openScene,
  readAnswer,
  type Scene,
  type SceneOptions,
  until,
} from './edge.fixture.js';

const minute = { 'cache-control': 'max-age=60' };

describe.each(['node', 'uws', 'uws-threads'] as const)('shared fetches behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
    scene = await openScene({ engine, ...options });
    return scene;
  };
  const herd = (size: number, path: string): Promise<Answer[]> =>
    Promise.all(Array.from({ length: size }, () => scene.ask(path)));
  afterEach(() => scene.close());

  it('asks once for 200 that ask for the same at once', async () => {
    const { answers, says } = heldAnswers();
    const { origin, edge } = await open({ originSays: says });
    const asking = herd(200, '/a');
    await until(() => answers.length === 1, 'the origin is asked');
    await until(() => scene.received.count === 200, 'all have asked');
    answers[0]?.writeHead(200, minute).end('for all');
    const got = await asking;
    expect(new Set(got.map(({ body }) => body))).toEqual(new Set(['for all']));
    expect(got.filter(({ cacheStatus }) => cacheStatus.includes('stored'))).toHaveLength(1);
    expect(origin.asked).toHaveLength(1);
    expect(edge.stats()).toMatchObject({ hits: 199, misses: 1 });
  });

  it('lets a latecomer read a fill from its start while it goes on', async () => {
    const { answers, says } = heldAnswers();
    const { origin, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).write('begin ');
    expect(await nextChunk(await headOf(first))).toBe('begin ');
    const late = await headOf(openRequest('/a'));
    expect(late.headers['cache-status']).toBe('Headwater; fwd=uri-miss; collapsed; ttl=60');
    expect(await nextChunk(late)).toBe('begin ');
    answers[0]?.write('more ');
    expect(await nextChunk(late)).toBe('more ');
    answers[0]?.end('end');
    expect(await nextChunk(late)).toBe('end');
    expect((await scene.ask('/a')).body).toBe('begin more end');
    expect(origin.asked).toHaveLength(1);
  });

  it('answers a range in the middle of a fill as soon as its bytes are there', async () => {
    const { answers, says } = heldAnswers();
    const { ask, open: openRequest } = await open({ originSays: says });
    openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, 'content-length': 10 }).write('01234');
    const early = await ask('/a', { headers: { range: 'bytes=1-3' } });
    expect(early).toMatchObject({ status: 206, body: '123', headers: { 'content-range': 'bytes 1-3/10' } });
    const later = ask('/a', { headers: { range: 'bytes=4-6' } });
    answers[0]?.write('567');
    expect(await later).toMatchObject({ status: 206, body: '456' });
    answers[0]?.end('89');
  });

  it('answers ranges of a fill whose length is not known yet', async () => {
    const { answers, says } = heldAnswers();
    const { ask, open: openRequest } = await open({ originSays: says });
    openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).write('01234');
    const early = await ask('/a', { headers: { range: 'bytes=1-3' } });
    expect(early).toMatchObject({ status: 206, body: '123', headers: { 'content-range': 'bytes 1-3/*' } });
    const suffix = ask('/a', { headers: { range: 'bytes=-2' } });
    const all = ask('/a', { headers: { range: 'bytes=0-' } });
    await until(() => scene.received.count === 4, 'all have asked');
    answers[0]?.end('56789');
    expect(await suffix).toMatchObject({ status: 206, body: '89', headers: { 'content-range': 'bytes 8-9/10' } });
    expect(await all).toMatchObject({ status: 200, body: '0123456789' });
  });

  it('goes on when the client that caused it leaves', async () => {
    const { answers, says } = heldAnswers();
    const { origin, ask, edge, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    const second = openRequest('/a');
    answers[0]?.writeHead(200, { ...minute, 'content-length': 10 }).write('01234');
    await headOf(first);
    await headOf(second);
    first.destroy();
    second.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    answers[0]?.end('56789');
    await until(() => edge.stats().objects === 1, 'the object is kept');
    expect(await ask('/a')).toMatchObject({ body: '0123456789', cacheStatus: 'Headwater; hit; ttl=60' });
    expect(origin.asked).toHaveLength(1);
  });

  it('goes on when the client leaves before the head has come', async () => {
    const { answers, says } = heldAnswers();
    const { edge, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    first.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    answers[0]?.writeHead(200, minute).end('kept');
    await until(() => edge.stats().objects === 1, 'the object is kept');
  });

  it('gives up a large fill that nobody reads any more', async () => {
    const { answers, says } = heldAnswers();
    const { edge, open: openRequest } = await open({ originSays: says, memoryBytes: 256 * mebibyte });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, 'content-length': 12 * mebibyte }).write('begin');
    await headOf(first);
    first.destroy();
    await until(() => answers[0]?.destroyed === true, 'the upstream request is cancelled');
    await until(() => edge.stats().memoryBytes === 0, 'its memory is free');
  });

  it.each([
    ['with a length', { 'content-length': 10 }],
    ['in chunks', {}],
  ])('cuts its readers and keeps nothing when the upstream breaks off (%s)', async (_how, length) => {
    const { answers, says } = heldAnswers();
    const { origin, ask, edge, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, ...length }).write('01234');
    const reading = readAnswer(first);
    const late = ask('/a');
    const both = Promise.allSettled([reading, late]);
    await until(() => scene.received.count === 2, 'both have asked');
    answers[0]?.destroy();
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(edge.stats()).toMatchObject({ objects: 0, memoryBytes: 0 });
    origin.says = (_request, response) => response.writeHead(200, minute).end('0123456789');
    expect((await ask('/a')).body).toBe('0123456789');
  });

  it('releases all that wait for an answer that turns out private', async () => {
    const first = gate();
    let asked = 0;
    const { origin } = await open({
      originSays: async (_request, response) => {
        asked += 1;
        if (asked === 1) await first.opened;
        response.writeHead(200, { 'cache-control': 'private' }).end(`for one ${asked}`);
      },
    });
    const asking = herd(50, '/page');
    await until(() => asked === 1, 'the origin is asked');
    await until(() => scene.received.count === 50, 'all have asked');
    first.open();
    const got = await asking;
    expect(new Set(got.map(({ body }) => body)).size).toBe(50);
    expect(origin.asked).toHaveLength(50);
  });

  it('gives what was made for one client to no other, even when that one has left', async () => {
    const { answers, says } = heldAnswers();
    const { origin, ask, open: openRequest } = await open({ originSays: says });
    const leaving = openRequest('/page');
    await until(() => answers.length === 1, 'the origin is asked');
    const staying = ask('/page');
    await until(() => scene.received.count === 2, 'both have asked');
    leaving.destroy();
    origin.says = (_request, response) => response.writeHead(200, { 'cache-control': 'private' }).end('for the second');
    await new Promise((resolve) => setTimeout(resolve, 30));
    answers[0]?.writeHead(200, { 'cache-control': 'private' }).end('for the first');
    expect((await staying).body).toBe('for the second');
  });

  it('gives up a fill that drips for too long', async () => {
    const { edge, ask } = await open({
      fillMs: 300,
      originSays: (_request, response) => {
        response.writeHead(200, minute);
        const drip = setInterval(() => response.write('.'), 20);
        response.on('close', () => clearInterval(drip));
      },
    });
    await expect(ask('/a')).rejects.toThrow();
    expect(edge.stats()).toMatchObject({ objects: 0, memoryBytes: 0 });
  });

  it('shares one 404 with all that waited for it, and keeps it for a second where it says nothing', async () => {
    const { answers, says } = heldAnswers();
    const { origin, clock } = await open({ originSays: says });
    const asking = herd(50, '/gone');
    await until(() => answers.length === 1, 'the origin is asked');
    await until(() => scene.received.count === 50, 'all have asked');
    answers[0]?.writeHead(404).end('no such thing');
    const got = await asking;
    expect(new Set(got.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['404 no such thing']));
    expect(origin.asked).toHaveLength(1);
    expect((await scene.ask('/gone')).cacheStatus).toBe('Headwater; hit; ttl=1');
    origin.says = (_request, response) => response.writeHead(200, minute).end('here');
    clock.now += 1000;
    expect((await scene.ask('/gone')).body).toBe('here');
  });

  it('shares one failure with all that waited for it, and keeps none', async () => {
    const { answers, says } = heldAnswers();
    const { origin, edge } = await open({ originSays: says });
    const asking = herd(50, '/broken');
    await until(() => answers.length === 1, 'the origin is asked');
    await until(() => scene.received.count === 50, 'all have asked');
    answers[0]?.writeHead(500).end('broken');
    expect(new Set((await asking).map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['500 broken']));
    expect(origin.asked).toHaveLength(1);
    expect(edge.stats().objects).toBe(0);
  });

  it('remembers that an address could not be shared: its next herd asks the origin at once, nobody waits for another', async () => {
    const waiting: (() => void)[] = [];
    const { ask } = await open({
      originSays: (_request, response) => response.writeHead(200, { 'cache-control': 'private' }).end('first'),
    });
    await ask('/page');
    scene.origin.says = (_request, response) => {
      waiting.push(() => response.writeHead(200, { 'cache-control': 'private' }).end('for one'));
    };
    const asking = herd(20, '/page');
    await until(() => waiting.length === 20, 'all are asked for at once');
    for (const answer of waiting) answer();
    expect((await asking).every(({ cacheStatus }) => cacheStatus.endsWith('detail=hit-for-miss'))).toBe(true);
  });

  it('hands the first bytes of a fill to all that wait for it while the origin still holds the rest', async () => {
    const { answers, says } = heldAnswers();
    const { open: openRequest } = await open({ originSays: says });
    const waiting = Array.from({ length: 100 }, () => headOf(openRequest('/a')));
    await until(() => answers.length === 1 && scene.received.count === 100, 'all have asked');
    answers[0]?.writeHead(200, { ...minute, 'content-length': 8 }).write('half');
    const heads = await Promise.all(waiting);
    expect(await Promise.all(heads.map(nextChunk))).toEqual(heads.map(() => 'half'));
    answers[0]?.end('rest');
    expect(await Promise.all(heads.map(nextChunk))).toEqual(heads.map(() => 'rest'));
    expect(answers).toHaveLength(1);
  });

  it('streams what outgrows its memory to those that read it, whole and unkept', async () => {
    const body = Buffer.alloc(3 * mebibyte);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32BE(at, at);
    const { edge, ask } = await open({
      objectBytesMax: 256 * 1024,
      originSays: (_request, response) => response.writeHead(200, minute).end(body),
    });
    const got = await herd(3, '/a');
    for (const { body: received } of got) expect(Buffer.from(received, 'latin1').equals(body)).toBe(true);
    expect(edge.stats()).toMatchObject({ objects: 0, memoryBytes: 0 });
    expect(Buffer.from((await ask('/a')).body, 'latin1').equals(body)).toBe(true);
  });

  it('gives every one of a herd its large object, and keeps none', async () => {
    const body = Buffer.alloc(mebibyte, 'x');
    const { edge } = await open({
      objectBytesMax: 1024,
      originSays: (_request, response) =>
        response.writeHead(200, { ...minute, 'content-length': body.length }).end(body),
    });
    const got = await herd(8, '/a');
    expect(got.map((answer) => answer.body.length)).toEqual(got.map(() => mebibyte));
    expect(edge.stats().objects).toBe(0);
  });

  it('keeps nothing of a fetch whose address was changed meanwhile', async () => {
    const { answers, says } = heldAnswers();
    const { origin, ask, edge, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).write('old');
    const reading = readAnswer(first);
    origin.says = (_request, response) => response.writeHead(204).end();
    await ask('/a', { method: 'PUT', body: 'new' });
    answers[0]?.end();
    expect((await reading).body).toBe('old');
    await until(() => edge.stats().memoryBytes === 0, 'its memory is free');
    expect(edge.stats().objects).toBe(0);
  });

  it('is not joined, once it has come, by who wants nothing that was not confirmed', async () => {
    const { answers, says } = heldAnswers();
    const { origin, ask, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/page');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).write('old');
    await headOf(first);
    origin.says = (_request, response) => response.writeHead(200, minute).end('new');
    expect((await ask('/page', { headers: { 'cache-control': 'no-cache' } })).body).toBe('new');
    answers[0]?.end();
    expect((await ask('/page')).body).toBe('new');
  });

  it('keeps nothing of what one client asked for before the address was changed', async () => {
    const { answers, says } = heldAnswers();
    const { origin, ask } = await open({
      originSays: (_request, response) => response.writeHead(200, { 'cache-control': 'no-store' }).end('for one'),
    });
    await ask('/a');
    origin.says = says;
    const alone = ask('/a');
    await until(() => answers.length === 1, 'it is asked for alone');
    origin.says = (_request, response) => response.writeHead(204).end();
    await ask('/a', { method: 'PUT', body: 'new' });
    answers[0]?.writeHead(200, minute).end('old');
    expect((await alone).body).toBe('old');
    origin.says = (_request, response) => response.writeHead(200, minute).end('new');
    expect((await ask('/a')).body).toBe('new');
  });

  it('finds no fresh answer in a fill that outlives its lifetime', async () => {
    const { answers, says } = heldAnswers();
    const { origin, clock, ask, open: openRequest } = await open({ originSays: says });
    const first = openRequest('/a');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, minute).write('slow');
    await headOf(first);
    clock.now += 61_000;
    origin.says = (_request, response) => {
      response.writeHead(200, { ...minute, date: new Date(clock.now).toUTCString() }).end('fresh');
    };
    expect((await ask('/a')).body).toBe('fresh');
    answers[0]?.end();
    await readAnswer(openRequest('/a'));
    expect((await ask('/a')).body).toBe('fresh');
  });
});
