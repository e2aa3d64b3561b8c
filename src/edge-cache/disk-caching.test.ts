import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { DiskTier } from './disk/disk-tier.js';
import { gate, mebibyte, openScene, type Scene, until } from './edge.fixture.js';
import type { EdgeOptions } from './edge.js';

/** The origin says, the edge is restarted on the same disk, a client asks. */
describe.each(['node', 'uws', 'uws-threads'] as const)('an edge with a disk, behind the %s engine', (engine) => {
  let folder = '';
  let scene: Scene;
  let disk: DiskTier;
  const clock = { now: Date.now() };
  const asked: string[] = [];
  let says: RequestListener;

  let more: Partial<EdgeOptions> = {};

  const start = async (): Promise<void> => {
    mkdirSync(join(folder, 'purges'), { recursive: true });
    const now = () => clock.now;
    disk = await DiskTier.open({
      ...{
        disks: [{ folder: join(folder, 'disk'), bytesMax: 512 * mebibyte }],
        log: silentLog,
        metrics: new Metrics(),
        now,
      },
    });
    scene = await openScene({
      engine,
      ...{ disk, api: null, memoryBytes: 192 * mebibyte, now, ...more },
      purging: { token: 'the-token', folder: join(folder, 'purges'), follow: false },
      originSays: (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.setHeader('date', new Date(clock.now).toUTCString());
        says(request, response);
      },
    });
  };
  const stop = async (): Promise<void> => {
    await scene.close();
    await disk.close();
  };
  const restart = async (): Promise<void> => {
    await stop();
    await start();
    asked.length = 0;
  };
  const answers =
    (headers: Record<string, string>, body: string | Buffer = 'from the origin'): RequestListener =>
    (_request, response) =>
      void response.writeHead(200, headers).end(body);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headwater-disk-'));
    more = {};
    asked.length = 0;
    clock.now = Date.now();
    return start();
  });
  afterEach(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('asks the origin for nothing that it had before', async () => {
    says = answers({ 'cache-control': 'max-age=600', etag: '"1"', 'x-kept': 'yes' });
    await scene.ask('/a');
    clock.now += 60_000;
    await restart();
    const answer = await scene.ask('/a');
    expect(answer).toMatchObject({
      ...{ status: 200, body: 'from the origin', cacheStatus: 'Headwater; hit; ttl=540; detail=disk' },
      headers: { age: '60', 'x-kept': 'yes', etag: '"1"', 'content-length': '15' },
    });
    expect(await scene.ask('/a')).toMatchObject({ cacheStatus: 'Headwater; hit; ttl=540' });
    expect(asked).toEqual([]);
    expect(scene.edge.stats()).toMatchObject({ hits: 2, misses: 0 });
  });

  it('gives back nothing that was purged, before the restart or after it', async () => {
    const purge = (body: object) =>
      scene.ask('/_headwater/purges', {
        method: 'POST',
        headers: { authorization: 'Bearer the-token' },
        body: JSON.stringify(body),
      });
    says = (request, response) =>
      void response
        .writeHead(request.headers['if-none-match'] ? 304 : 200, {
          ...{ 'cache-control': 'max-age=600', etag: '"1"', 'cache-tag': request.url?.slice(1) },
        })
        .end(request.headers['if-none-match'] ? undefined : 'body');
    const paths = ['/a', '/b', '/c', '/d', '/e'];
    for (const path of paths) await scene.ask(path);
    clock.now += 1000;
    await purge({ tag: 'a' });
    await restart();
    await purge({ tag: 'b' });
    await purge({ prefix: '/c', soft: true });
    await purge({ url: '/d' });
    clock.now += 1000;
    for (const path of paths) expect((await scene.ask(path)).body).toBe('body');
    expect(asked).toEqual(['GET /a', 'GET /b', 'GET /c', 'GET /d']);
    // What came after the purges stays.
    clock.now += 1000;
    for (const path of paths) await scene.ask(path);
    expect(asked).toHaveLength(4);
    await restart();
    for (const path of paths) await scene.ask(path);
    // Confirmed in memory alone: on disk it is as old as it was.
    expect(asked).toEqual(['GET /c']);
  });

  it('answers from blocks on disk, once it knows again that they are blocks', async () => {
    more = { objectBytesMax: 1000 };
    await restart();
    const whole = Buffer.from(Array.from({ length: 5000 }, (_unused, at) => at % 251));
    says = (request, response) => {
      const head = { 'cache-control': 'max-age=600', etag: '"1"', 'accept-ranges': 'bytes' };
      const [first, last] =
        /^bytes=(\d+)-(\d+)$/
          .exec(request.headers.range ?? '')
          ?.slice(1)
          .map(Number) ?? [];
      if (first === undefined || last === undefined) {
        return void response.writeHead(200, { ...head, 'content-length': 5000 }).end(whole);
      }
      response.writeHead(206, { ...head, 'content-range': `bytes ${first}-${last}/5000` });
      response.end(whole.subarray(first, last + 1));
    };
    const range = async (value: string) => (await scene.ask('/film', { headers: { range: value } })).body;
    expect(await range('bytes=0-')).toBe(whole.toString('latin1'));
    expect(asked).toHaveLength(6);
    await restart();
    expect(await range('bytes=1500-4000')).toBe(whole.toString('latin1', 1500, 4001));
    expect(await range('bytes=-3')).toBe(whole.toString('latin1', 4997));
    expect(asked).toEqual(['GET /film']);
  });

  it('answers HEAD, ranges, conditions and only-if-cached from disk', async () => {
    says = answers({ 'cache-control': 'max-age=600', etag: '"1"' });
    for (const path of ['/head', '/range', '/condition', '/only']) await scene.ask(path);
    await restart();
    expect(await scene.ask('/head', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await scene.ask('/range', { headers: { range: 'bytes=5-7' } })).toMatchObject({ status: 206, body: 'the' });
    expect(await scene.ask('/condition', { headers: { 'if-none-match': '"1"' } })).toMatchObject({ status: 304 });
    const onlyIfCached = { headers: { 'cache-control': 'only-if-cached' } };
    expect(await scene.ask('/only', onlyIfCached)).toMatchObject({ status: 200, body: 'from the origin' });
    expect(await scene.ask('/not', onlyIfCached)).toMatchObject({ status: 504 });
    expect(asked).toEqual([]);
  });

  it('streams a large body from disk, to all that ask at once', async () => {
    const body = Buffer.alloc(9 * mebibyte, '0123456789');
    says = answers({ 'cache-control': 'max-age=600' }, body);
    await scene.ask('/large');
    await restart();
    const got = await Promise.all(Array.from({ length: 10 }, () => scene.ask('/large')));
    expect(got.every((answer) => answer.body === body.toString('latin1'))).toBe(true);
    expect(asked).toEqual([]);
  });

  it('confirms what has become stale on disk, with one request for all', async () => {
    says = (request, response) => {
      const same = request.headers['if-none-match'] === '"1"';
      response.writeHead(same ? 304 : 200, { 'cache-control': 'max-age=600', etag: '"1"' }).end(same ? '' : 'kept');
    };
    await scene.ask('/a');
    clock.now += 700_000;
    await restart();
    const got = await Promise.all(Array.from({ length: 20 }, () => scene.ask('/a')));
    expect(new Set(got.map(({ body }) => body))).toEqual(new Set(['kept']));
    expect(asked).toEqual(['GET /a']);
    expect(await scene.ask('/a')).toMatchObject({ cacheStatus: 'Headwater; hit; ttl=600' });
  });

  it('does as the client wishes', async () => {
    says = answers({ 'cache-control': 'max-age=600', etag: '"1"' });
    await scene.ask('/a');
    await restart();
    const newer = answers({ 'cache-control': 'max-age=600', etag: '"2"' }, 'newer');
    const answered = gate();
    says = (request, response) => void answered.opened.then(() => newer(request, response));
    const confirmed = scene.ask('/a', { headers: { 'cache-control': 'no-cache' } });
    await until(() => asked.length === 1, 'the origin is asked');
    expect((await scene.ask('/a')).body).toBe('from the origin');
    answered.open();
    expect((await confirmed).body).toBe('newer');
    await restart();
    expect((await scene.ask('/a')).body).toBe('newer');
    expect(asked).toEqual([]);
  });

  it('serves stale from disk while the origin fails, where that is allowed', async () => {
    says = answers({ 'cache-control': 'max-age=60, stale-if-error=3600' });
    await scene.ask('/a');
    clock.now += 600_000;
    await restart();
    says = (_request, response) => void response.writeHead(503).end();
    expect(await scene.ask('/a')).toMatchObject({ status: 200, body: 'from the origin' });
  });

  it('knows after a restart on what an answer varies', async () => {
    says = (request, response) => {
      const language = String(request.headers['accept-language']);
      response.writeHead(200, { 'cache-control': 'max-age=600', vary: 'Accept-Language' }).end(`in ${language}`);
    };
    const ask = (language: string) => scene.ask('/a', { headers: { 'accept-language': language } });
    await ask('en');
    await ask('de');
    await restart();
    const got = await Promise.all([ask('de'), ask('en'), ask('de')]);
    expect(got.map(({ body }) => body)).toEqual(['in de', 'in en', 'in de']);
    expect(asked).toEqual([]);
    expect((await ask('fr')).body).toBe('in fr');
    expect(asked).toEqual(['GET /a']);
  });

  it('knows after a restart each list of fields on which answers vary', async () => {
    says = ({ headers }, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=600', vary: String(headers.vary) }).end(String(headers.vary));
    };
    const ask = (headers: Record<string, string>) => scene.ask('/a', { headers });
    await ask({ vary: 'x-a', 'x-a': '1', 'x-b': '1' });
    await ask({ vary: 'x-b', 'x-a': '2', 'x-b': '2' });
    await restart();
    expect((await ask({ 'x-a': '1', 'x-b': '9' })).body).toBe('x-a');
    expect((await ask({ 'x-a': '9', 'x-b': '2' })).body).toBe('x-b');
    expect(asked).toEqual([]);
    await ask({ vary: 'x-a', 'x-a': '3', 'x-b': '3' });
    await restart();
    expect((await ask({ 'x-a': '9', 'x-b': '2' })).body).toBe('x-b');
    expect((await ask({ 'x-a': '3', 'x-b': '9' })).body).toBe('x-a');
    expect(asked).toEqual([]);
  });

  it('finds after a restart nothing older than what had come last', async () => {
    const anew = async (fields: Record<string, string>, body: string) => {
      clock.now += 5000;
      says = answers({ 'cache-control': 'max-age=600', ...fields }, body);
      await scene.ask('/a', { headers: { 'x-a': '1', 'cache-control': 'no-cache' } });
      await until(() => disk.objects > 0, 'it is on disk');
    };
    await anew({}, 'plain');
    await anew({ vary: 'x-a' }, 'varied');
    await anew({}, 'plain again');
    await anew({ vary: 'x-a' }, 'varied again');
    await restart();
    expect((await scene.ask('/a', { headers: { 'x-a': '1' } })).body).toBe('varied again');
    await anew({}, 'plain at last');
    await restart();
    expect((await scene.ask('/a', { headers: { 'x-a': '1' } })).body).toBe('plain at last');
  });

  it.each(['/plain', '/varied'])('forgets for good what an unsafe method changed (%s)', async (path) => {
    const fields = { 'cache-control': 'max-age=600', ...(path === '/varied' ? { vary: 'Accept-Language' } : {}) };
    says = answers(fields, 'before');
    await scene.ask(path);
    await restart();
    await scene.ask(path);
    await scene.ask(path, { method: 'POST', body: 'a change' });
    await restart();
    says = answers(fields, 'after');
    expect(await scene.ask(path)).toMatchObject({ body: 'after' });
    expect(asked).toEqual([`GET ${path}`]);
  });

  it('does not keep on disk what the origin forbids from now on', async () => {
    says = answers({ 'cache-control': 'max-age=600' });
    await scene.ask('/a');
    says = answers({ 'cache-control': 'no-store' }, 'for nobody else');
    await scene.ask('/a', { headers: { 'cache-control': 'no-cache' } });
    await restart();
    expect((await scene.ask('/a')).body).toBe('for nobody else');
    expect(asked).toEqual(['GET /a']);
  });

  it('fetches anew what is not right on disk, and nobody notices', async () => {
    says = answers({ 'cache-control': 'max-age=600' }, 'x'.repeat(100_000));
    await scene.ask('/a');
    await stop();
    const at = join(folder, 'disk');
    const path = join(at, readdirSync(at).find((name) => name.endsWith('.segment')) ?? '');
    const bytes = readFileSync(path);
    bytes[50_000] = 0;
    writeFileSync(path, bytes);
    await start();
    asked.length = 0;
    expect(await scene.ask('/a')).toMatchObject({ status: 200, body: 'x'.repeat(100_000) });
    expect(asked).toEqual(['GET /a']);
  });

  it('keeps what memory has no room for any more', async () => {
    says = answers({ 'cache-control': 'max-age=600' }, Buffer.alloc(6 * mebibyte, 'x'));
    for (let n = 0; n < 40; n += 1) {
      await scene.ask(`/${n}`);
      await until(() => disk.objects === n + 1, 'it is on disk');
    }
    asked.length = 0;
    for (let n = 0; n < 40; n += 1) expect((await scene.ask(`/${n}`)).body).toHaveLength(6 * mebibyte);
    expect(asked).toEqual([]);
  });
});
