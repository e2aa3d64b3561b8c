import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, openScene, type Scene, type SceneOptions, until } from '../edge.fixture.js';

const token = 'the-operator-token';
const path = '/_headwater/purges';

describe.each(['node', 'uws', 'uws-threads'] as const)('purges behind the %s engine', (engine) => {
  const scenes: Scene[] = [];
  const folders: string[] = [];
  let count = 0;

  /** Counts its answers; `/film/…` has tags. */
  const says: RequestListener = (request, response) => {
    count += 1;
    const tags = request.url?.startsWith('/film/') ? { 'cache-tag': 'film, all' } : {};
    const fields = { 'cache-control': 'max-age=60, stale-while-revalidate=0', etag: `"${count}"`, ...tags };
    response.writeHead(200, fields).end(String(count));
  };
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'headwater-purging-'));
    folders.push(folder);
    return folder;
  };
  const open = async (options: Omit<SceneOptions, 'engine'> = {}): Promise<Scene> => {
    const purging = { token, folder: null, follow: false };
    const scene = await openScene({ engine, api: null, originSays: says, purging, ...options });
    scenes.push(scene);
    return scene;
  };
  const purge = (scene: Scene, body: unknown, credentials = token) =>
    scene.ask(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${credentials}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const bodies = async (scene: Scene, ...paths: string[]) => {
    const answers = await Promise.all(paths.map((each) => scene.ask(each)));
    return answers.map(({ body }) => body);
  };

  beforeEach(() => {
    count = 0;
  });
  afterEach(async () => {
    for (const scene of scenes.splice(0).reverse()) await scene.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it.each([
    [{ url: '/film/a' }, 1, ['4', '2', '3']],
    [{ prefix: '/film/' }, 2, ['4', '5', '3']],
    [{ tag: 'film' }, 2, ['4', '5', '3']],
    [{ prefix: '/' }, 3, ['4', '5', '6']],
    [{ tag: 'other' }, 0, ['1', '2', '3']],
  ])('%o', async (body, purged, after) => {
    const scene = await open();
    for (const each of ['/film/a', '/film/b?c', '/page']) await scene.ask(each);
    const done = await purge(scene, body);
    expect([done.status, JSON.parse(done.body)]).toMatchObject([200, { purged, last: 1 }]);
    const found = [];
    for (const each of ['/film/a', '/film/b?c', '/page']) found.push((await scene.ask(each)).body);
    expect(found).toEqual(after);
  });

  it('softly makes stale what is meant: it is confirmed, or served while the origin fails', async () => {
    const scene = await open({ staleIfErrorMs: 60_000 });
    await scene.ask('/page');
    await purge(scene, { url: '/page', soft: true });
    scene.origin.says = (_request, response) => response.writeHead(503).end('down');
    expect((await scene.ask('/page')).cacheStatus).toMatch(/^Headwater; fwd=stale; fwd-status=503; .*stale-if-error$/);
    scene.origin.says = (request, response) =>
      response.writeHead(request.headers['if-none-match'] === '"1"' ? 304 : 500).end();
    expect((await scene.ask('/page')).cacheStatus).toMatch(/^Headwater; fwd=stale; fwd-status=304/);
  });

  it('does not keep what was on its way', async () => {
    const scene = await open();
    const { opened, open: letGo } = gate();
    scene.origin.says = (...exchange) => void opened.then(() => says(...exchange));
    const before = scene.ask('/page');
    await until(() => scene.origin.asked.length === 1, 'the origin is asked');
    await purge(scene, { tag: 'film' });
    letGo();
    expect([(await before).body, ...(await bodies(scene, '/page'))]).toEqual(['1', '2']);
  });

  it.each([
    ['without the token', 'wrong', { url: '/page' }, 401],
    ['of nothing', token, {}, 400],
    ['that is no JSON', token, '{', 400],
    ['that is too long', token, ' '.repeat(20_000), 400],
  ])('refuses one %s', async (_, credentials, body, status) => {
    const scene = await open();
    await scene.ask('/page');
    const refusal = await purge(scene, body, credentials);
    expect([refusal.status, refusal.headers['content-type']]).toEqual([status, 'application/problem+json']);
    expect(await bodies(scene, '/page')).toEqual(['1']);
    expect((await scene.ask(path, { method: 'PUT' })).status).toBe(405);
    expect(scene.origin.asked).toEqual(['GET /page']);
  });

  it('takes none where there is no token', async () => {
    const scene = await open({ purging: { token: null, folder: null, follow: false } });
    expect((await purge(scene, { url: '/page' }, 'null')).status).toBe(401);
  });

  it('are followed by the edges below, through restarts on either side', async () => {
    const folder = newFolder();
    const above = await open({ purging: { token, folder: newFolder(), follow: false } });
    const below = (at: string) =>
      open({ origin: new URL(`http://127.0.0.1:${above.port}`), purging: { token, folder: at, follow: true } });
    const first = await below(folder);
    // What it holds from before its first contact is stale; what comes after that is not.
    await until(() => above.received.count >= 2, 'the one below is told where to begin, and waits');
    expect(await bodies(first, '/film/a', '/page')).toHaveLength(2);
    const kept = await bodies(first, '/film/a', '/page');
    await purge(above, { tag: 'film' });
    await until(() => first.edge.stats().objects === 1, 'the purge arrives');
    const [film, page] = await bodies(first, '/film/a', '/page');
    expect([Number(film) > Number(kept[0]), page]).toEqual([true, kept[1]]);
    // And is told further down, in its turn.
    const told = JSON.parse((await first.ask(`${path}?after=0`)).body);
    expect(told).toMatchObject({ lost: true, last: 2 });
    await first.close();
    scenes.splice(scenes.indexOf(first), 1);
    await purge(above, { prefix: '/film/' });
    const second = await below(folder);
    const done = async () => (await second.metrics.text()).includes('edge_purges_total{kind="prefix"} 1');
    await expect.poll(done, { timeout: 60_000 }).toBe(true);
  });

  it('make all stale where it cannot be known what was missed', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'followed.json'), JSON.stringify({ epoch: 'of-another-journal', last: 7 }));
    const above = await open();
    const origin = new URL(`http://127.0.0.1:${above.port}`);
    const below = await open({ origin, purging: { token, folder, follow: true } });
    const done = async () => (await below.metrics.text()).includes('edge_purges_total{kind="prefix"} 1');
    await expect.poll(done, { timeout: 60_000 }).toBe(true);
    expect(JSON.parse((await below.ask(`${path}?after=0`)).body)).toMatchObject({ last: 1 });
  });

  it('wait for the next, and let go of who waits when the door is about to close', async () => {
    const scene = await open();
    const { epoch } = JSON.parse((await scene.ask(path)).body);
    const waiting = scene.ask(`${path}?epoch=${epoch}&after=0`);
    await until(() => scene.received.count === 2, 'it waits');
    await purge(scene, { url: '/a', soft: true });
    expect(JSON.parse((await waiting).body)).toEqual({
      epoch,
      last: 1,
      purges: [{ kind: 'url', value: '/a', soft: true }],
    });
    const next = scene.ask(`${path}?epoch=${epoch}&after=1`);
    await until(() => scene.received.count === 4, 'it waits again');
    scene.edge.drain();
    expect(JSON.parse((await next).body)).toEqual({ epoch, last: 1, purges: [] });
  });
});
