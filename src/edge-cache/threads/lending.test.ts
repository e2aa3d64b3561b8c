import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadUws } from '../../http/load-uws.js';
import {
  type Answer,
  askUntilLent,
  gate,
  headOf,
  mebibyte,
  openScene,
  openThreadsDoor,
  type Scene,
  type SceneOptions,
} from '../edge.fixture.js';

/** What two threads answer by themselves, out of the memory of the one that owns it. */
describe.skipIf(!loadUws().loaded)('what is lent to threads', () => {
  let scene: Scene;
  afterEach(() => scene.close());
  const open = async (options: Partial<SceneOptions> = {}) => {
    scene = await openScene({ engine: 'uws-threads', threads: 2, api: null, ...options });
  };
  const says = (body: Buffer | string, fields: Record<string, string> = { 'cache-control': 'max-age=60' }) => {
    scene.origin.says = (_request, response) => {
      response.writeHead(200, { 'content-length': Buffer.byteLength(body), ...fields }).end(body);
    };
  };
  it('is answered without the owner, with the same head', async () => {
    await open();
    says('hello', { 'cache-control': 'max-age=60', etag: '"1"' });
    const first = await scene.ask('/a');
    const second = await scene.ask('/a');
    await askUntilLent(scene, '/a');
    scene.clock.now += 5000;
    const lent = await scene.ask('/a');
    expect(lent.body).toBe('hello');
    expect([first.cacheStatus, second.cacheStatus, lent.cacheStatus]).toEqual([
      expect.stringContaining('fwd=uri-miss'),
      expect.stringMatching(/; hit; ttl=60$/),
      expect.stringMatching(/; hit; ttl=55$/),
    ]);
    expect(lent.headers.age).toBe('5');
    const { 'cache-status': _one, age: _two, date: _three, ...rest } = second.headers;
    expect(lent.headers).toMatchObject(rest);
    const before = scene.received.count;
    const conditional = await scene.ask('/a', { headers: { 'if-none-match': '"1"' } });
    const ranged = await scene.ask('/a', { headers: { range: 'bytes=1-2' } });
    const several = await scene.ask('/a', { headers: { range: 'bytes=0-0,4-4' } });
    expect([conditional.status, ranged.status, ranged.body, several.status]).toEqual([304, 206, 'el', 206]);
    expect(scene.received.count).toBe(before);
    expect(scene.origin.asked).toHaveLength(1);
  });

  it('takes the long way for whatever is not plain, and the same answer comes of it', async () => {
    await open();
    says(Buffer.from('hello'), { 'cache-control': 'max-age=60', 'x-odd': 'd\u00e9j\u00e0' });
    await askUntilLent(scene, '/a?b=1');
    const before = scene.received.count;
    const plain = await scene.ask('/a?b=1');
    const own = await scene.ask('/a?b=1', { headers: { 'x-my-own': 'header' } });
    const head = await scene.ask('/a?b=1', { method: 'HEAD' });
    expect([plain.body, own.body, head.body]).toEqual(['hello', 'hello', '']);
    expect([own.headers['x-odd'], head.headers['x-odd']]).toEqual([plain.headers['x-odd'], plain.headers['x-odd']]);
    expect(plain.headers['x-odd']).toBe('d\u00e9j\u00e0');
    expect(scene.received.count).toBe(before);
    const twoHosts = await scene.ask('/a?b=1', { headers: { host: 'one two' } });
    expect(twoHosts.status).toBe(400);
    const asIs = await scene.ask('/a?b=1', { headers: { 'cache-control': 'no-cache' } });
    expect([asIs.body, scene.origin.asked.length]).toEqual(['hello', 2]);
  });

  it.each([
    'bytes=0-0',
    'bytes=2-3',
    'bytes=0-',
    'bytes=1-99',
    'bytes=-2',
    'bytes=-99',
    'bytes = 1 - 2',
    'bytes=5-',
    'bytes=-0',
    'bytes=3-1',
    'bytes=0-1,3-4',
    'bytes=0-1,1-2',
    'bytes=,1-1',
    'bytes=99999999999999999999-',
    'pages=1-2',
    'bytes',
  ])('is answered in parts as the long way does it: %s', async (range) => {
    await open();
    says('hello', { 'cache-control': 'max-age=60', etag: '"1"' });
    await askUntilLent(scene, '/a');
    const before = scene.received.count;
    const short = await scene.ask('/a', { headers: { range } });
    const long = await scene.ask('/a', { headers: { range, 'x-my-own': 'header' } });
    const plain = ({ headers: { date: _date, ...headers }, ...answer }: Answer) => {
      const boundary = /boundary=(\S+)/.exec(String(headers['content-type']))?.[1] ?? '-';
      return JSON.parse(JSON.stringify({ ...answer, headers }).replaceAll(boundary, '-'));
    };
    expect(plain(short)).toEqual(plain(long));
    expect(scene.received.count).toBe(before);
  });

  it('is lent to a door that is opened later, too', async () => {
    await open();
    says('hello');
    await askUntilLent(scene, '/a');
    let relayed = 0;
    const door = await openThreadsDoor(scene, (_request, response) => {
      relayed += 1;
      response.start(200, []);
      response.end();
    });
    try {
      const ask = async () => (await fetch(`http://127.0.0.1:${door.address.port}/a`)).text();
      // What it is lent may come after the first requests.
      await vi.waitFor(async () => expect(await ask()).toBe('hello'));
      const before = relayed;
      expect(await ask()).toBe('hello');
      expect(relayed).toBe(before);
    } finally {
      await door.close(0);
    }
  });

  it('counts in what the edge says of itself', async () => {
    await open();
    says('hello');
    await askUntilLent(scene, '/a');
    const asked = 20;
    const before = scene.edge.stats();
    for (let times = 0; times < asked; times += 1) await scene.ask('/a');
    const after = scene.edge.stats();
    expect([after.hits - before.hits, after.bytesServed - before.bytesServed]).toEqual([asked, 5 * asked]);
  });

  it.each([
    ['its lifetime is over', () => (scene.clock.now += 61_000)],
    ['something unsafe has changed it', () => scene.ask('/a', { method: 'POST', body: 'x' })],
  ])('is the owner’s again once %s', async (_, happens) => {
    await open();
    says('one');
    await askUntilLent(scene, '/a');
    says('two');
    await happens();
    for (let times = 0; times < 8; times += 1) expect((await scene.ask('/a')).body).toBe('two');
  });

  it('is what each client accepts, where it varies', async () => {
    await open();
    scene.origin.says = (request, response) => {
      const body = String(request.headers['accept-language']);
      response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'accept-language' }).end(body);
    };
    const languages = ['de', 'fr'];
    for (const language of languages) await askUntilLent(scene, '/a', { headers: { 'accept-language': language } });
    const before = scene.received.count;
    for (const language of languages) {
      expect((await scene.ask('/a', { headers: { 'accept-language': language } })).body).toBe(language);
    }
    expect(scene.received.count).toBe(before);
    await scene.ask('/a', { method: 'DELETE' });
    scene.origin.says = (_request, response) =>
      response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'accept-language' }).end('new');
    for (const language of languages) {
      expect((await scene.ask('/a', { headers: { 'accept-language': language } })).body).toBe('new');
    }
  });

  it('is the newest that each client selects, where answers vary on different fields', async () => {
    await open();
    let body = 'one';
    scene.origin.says = ({ headers }, response) => {
      const vary = String(headers.vary);
      const date = new Date(scene.clock.now).toUTCString();
      response.writeHead(200, { 'cache-control': 'max-age=60', vary, date }).end(body);
    };
    const learn = async (vary: string, fields: Record<string, string>) => {
      await scene.ask('/a', { headers: { ...fields, vary, 'cache-control': 'no-cache' } });
    };
    const askOften = async (fields: Record<string, string>) => {
      const got = new Set<string>();
      for (let times = 0; times < 12; times += 1) got.add((await scene.ask('/a', { headers: fields })).body);
      return [...got];
    };
    await learn('x-a', { 'x-a': '1', 'x-b': '1' });
    await askUntilLent(scene, '/a', { headers: { 'x-a': '1', 'x-b': '1' } });
    scene.clock.now += 5000;
    body = 'two';
    await learn('x-b', { 'x-a': '2', 'x-b': '1' });
    // Not for a moment the older one, which was lent, nor where only that is lent again.
    const newer = () => askOften({ 'x-a': '1', 'x-b': '1' });
    expect((await scene.ask('/a', { headers: { 'x-a': '1', 'x-b': '1' } })).body).toBe('two');
    expect(await askOften({ 'x-a': '1', 'x-b': '2' })).toEqual(['one']);
    expect(await newer()).toEqual(['two']);
    expect(await askOften({ 'x-a': '3', 'x-b': '1' })).toEqual(['two']);
    // All that it selects is lent: threads know which is the newest.
    await askUntilLent(scene, '/a', { headers: { 'x-a': '1', 'x-b': '1' } });
    expect(await newer()).toEqual(['two']);
    scene.clock.now += 5000;
    body = 'three';
    await learn('x-a', { 'x-a': '1', 'x-b': '9' });
    expect(await newer()).toEqual(['three']);
    expect(scene.origin.asked).toHaveLength(3);
  });

  it('is for everybody no longer once its address varies', async () => {
    await open();
    says('plain');
    await askUntilLent(scene, '/a');
    scene.clock.now += 5000;
    const date = new Date(scene.clock.now).toUTCString();
    says('varied', { 'cache-control': 'max-age=60', vary: 'x-a', date });
    await scene.ask('/a', { headers: { 'x-a': '1', 'cache-control': 'no-cache' } });
    for (let times = 0; times < 12; times += 1) {
      expect((await scene.ask('/a', { headers: { 'x-a': '1' } })).body).toBe('varied');
      expect((await scene.ask('/a', { headers: { 'x-a': '2' } })).body).toBe('plain');
    }
  });

  it('is not lent on while a slow client reads what was evicted: not one wrong byte', async () => {
    await open({ memoryBytes: 8 * mebibyte, objectBytesMax: 4 * mebibyte });
    const body = randomBytes(3 * mebibyte);
    says(body);
    await askUntilLent(scene, '/slow');
    const slow = await headOf(scene.open('/slow'));
    const hash = createHash('sha256');
    let bytes = 0;
    // Nothing is read yet: most of it lies in the memory that is asked for by others now.
    const others = randomBytes(1 * mebibyte);
    says(others);
    for (let at = 0; at < 30; at += 1) expect((await scene.ask(`/other${at}`)).body.length).toBe(others.length);
    let whole = true;
    slow.on('aborted', () => {
      whole = false;
    });
    const ended = gate();
    slow.on('close', ended.open);
    slow.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    await ended.opened;
    // It may have been cut, since its memory was wanted; what came of it is right.
    const expected = createHash('sha256').update(body.subarray(0, bytes)).digest('hex');
    expect(hash.digest('hex')).toBe(expected);
    expect(whole).toBe(bytes === body.length);
  });

  it('stays right while everything is evicted, changed and asked for at once', async () => {
    await open({ memoryBytes: 4 * mebibyte, objectBytesMax: mebibyte });
    let version = 0;
    scene.origin.says = (request, response) => {
      const name = `${request.url} ${version};`;
      response.writeHead(200, { 'cache-control': 'max-age=60' }).end(name.repeat(1 + (name.charCodeAt(1) % 60) * 200));
    };
    const ask = async (client: number) => {
      for (let times = 0; times < 60; times += 1) {
        const path = `/${String.fromCharCode(97 + ((client * 7 + times * times) % 26))}`;
        let least = 0;
        if (times % 20 === 19) {
          version += 1;
          least = version;
          await scene.ask(path, { method: 'POST' });
        }
        const { body } = await scene.ask(path);
        const one = body.slice(0, body.indexOf(';') + 1);
        expect(one.startsWith(`${path} `)).toBe(true);
        expect(body).toBe(one.repeat(body.length / one.length));
        expect(Number(one.slice(3, -1))).toBeGreaterThanOrEqual(least);
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, client) => ask(client)));
  });
});
