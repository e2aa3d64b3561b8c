import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { headOf, nextChunk, openScene, type Scene, type SceneOptions, until } from '../edge.fixture.js';
import { cacheOutcome } from './access-line.js';
import { type AccessLogFile, openAccessLogFile } from './access-log-file.js';
import { echo, linesInto, networksOf, nobody } from './gates.fixture.js';
import { CurrentRules } from './network-rules.js';
import { writeToken } from './signed-token.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-access-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (file: string): Record<string, unknown>[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];

describe.each(['node', 'uws', 'uws-threads'] as const)('the access log behind the %s engine', (engine) => {
  let scene: Scene;
  let written: Record<string, unknown>[];
  const open = async (options: Omit<SceneOptions, 'engine'> & { sample?: number; anonymize?: boolean } = {}) => {
    const { sample = 1, anonymize = false, gates, ...others } = options;
    written = [];
    const trustedProxies = networksOf('127.0.0.1');
    const all = { accessLog: { lines: linesInto(written), sample, anonymize }, trustedProxies, ...gates };
    scene = await openScene({ engine, originSays: echo, ...others, gates: all });
    return scene;
  };
  afterEach(() => scene.close());
  const lines = async (count: number) => {
    await until(() => written.length >= count, `${count} lines`);
    return written;
  };

  it('has a line for each answer', async () => {
    const { ask, clock } = await open();
    const headers = {
      'user-agent': 'VLC/3',
      referer: 'http://tv.example/watch/a?secret=1',
      range: 'bytes=0-3',
      host: 'tv.example',
    };
    await ask('/live/a/index.m3u8?_HLS_msn=3&secret=2');
    await ask('/live/a/index.m3u8?_HLS_msn=3', { headers: { ...headers, 'x-forwarded-for': '192.0.2.77' } });
    const [first, second] = await lines(2);
    expect(first).toMatchObject({ client: '127.0.0.1', status: 200, bytes: 29, cache: 'miss', upstream: 200 });
    expect(first).not.toHaveProperty('range');
    expect(second).toEqual({
      time: new Date(clock.now).toISOString(),
      client: '192.0.2.77',
      method: 'GET',
      scheme: 'http',
      protocol: 'HTTP/1.1',
      host: 'tv.example',
      path: '/live/a/index.m3u8',
      status: 206,
      bytes: 4,
      ms: expect.any(Number),
      cache: 'hit',
      range: 'bytes=0-3',
      agent: 'VLC/3',
      referer: 'http://tv.example/watch/a',
    });
  });

  it('has what was refused too, HEAD without bytes, and what failed', async () => {
    const denied = { ...nobody, deny: networksOf('192.0.2.1') };
    const { ask } = await open({
      gates: { networks: new CurrentRules({ everywhere: denied, prefixes: [], countries: new Map() }) },
    });
    await ask('/a', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    await ask('/a', { method: 'HEAD' });
    scene.origin.says = (request) => void request.socket.destroy();
    await ask('/b');
    expect(await lines(3)).toMatchObject([
      { status: 403, cache: 'refused', client: '192.0.2.1' },
      { status: 200, method: 'HEAD', bytes: 0, cache: 'miss', upstream: 200 },
      { status: 502, path: '/b' },
    ]);
  });

  it('has networks in place of clients where that is asked for', async () => {
    const { ask } = await open({ anonymize: true });
    await ask('/a', { headers: { 'x-forwarded-for': '192.0.2.77' } });
    await ask('/a', { headers: { forwarded: 'for="[2001:db8:abcd:12::1]"' } });
    expect((await lines(2)).map(({ client }) => client)).toEqual(['192.0.2.0', '2001:db8:abcd::']);
  });

  it('has every answer of 500 and above, and of the others a sample', async () => {
    const { ask } = await open({ sample: 0 });
    await ask('/a');
    scene.origin.says = (_request, response) => void response.writeHead(503).end();
    await ask('/b');
    expect(await lines(1)).toMatchObject([{ status: 503, path: '/b' }]);
    expect(written).toHaveLength(1);
  });

  it('has no tokens', async () => {
    const key = { id: 'k', secret: 'a secret for this test' };
    const { ask, clock } = await open({
      gates: { signed: { prefixes: ['/vod/'], keys: [key], parameter: 'hw_token' } },
    });
    const token = writeToken(key, { exp: Math.floor(clock.now / 1000) + 60, paths: ['/vod/'] });
    const headers = { referer: `http://tv.example/~${token}/vod/` };
    await ask(`/~${token}/vod/a`, { headers });
    await ask(`/vod/a?hw_token=${token}`, { headers: { cookie: `hw_token=${token}` } });
    await ask(`/vod/b?hw_token=${token}x`);
    expect((await lines(3)).map(({ path, status }) => `${status} ${path}`)).toEqual([
      '200 /vod/a',
      '200 /vod/a',
      '403 /vod/b',
    ]);
    expect(JSON.stringify(written)).not.toContain(token.slice(0, 20));
  });

  it('says where the client did not get all', async () => {
    const { open: send } = await open({
      originSays: (_request, response) => {
        response.writeHead(200, { 'cache-control': 'no-store' });
        response.write('begun');
      },
    });
    const leaving = send('/a');
    await nextChunk(await headOf(leaving));
    leaving.destroy();
    expect(await lines(1)).toMatchObject([{ status: 200, bytes: 5, cut: true }]);
  });
});

describe('the file of the access log', () => {
  let log: AccessLogFile;
  const open = (file: string | null, lookMs?: number) => {
    log = openAccessLogFile({ file, log: silentLog, ...(lookMs === undefined ? {} : { lookMs }) });
    return log;
  };
  afterEach(() => log.close());

  it('is gone on with, and whole when it is closed', async () => {
    const file = join(folder, 'access.log');
    appendFileSync(file, '{"n":0}\n');
    open(file);
    for (let n = 1; n <= 1000; n += 1) log.write(`{"n":${n}}\n`);
    await log.close();
    expect(log.write('{"n":"too late"}\n')).toBe(false);
    expect(linesOf(file).map(({ n }) => n)).toEqual(Array.from({ length: 1001 }, (_, n) => n));
  });

  it('is opened anew by reopen', async () => {
    const file = join(folder, 'access.log');
    open(file);
    log.write('{"n":1}\n');
    await until(() => linesOf(file).length === 1, 'the first line');
    renameSync(file, `${file}.1`);
    log.reopen();
    await until(() => existsSync(file), 'the new file');
    let n = 1;
    await until(() => {
      n += 1;
      log.write(`{"n":${n}}\n`);
      return linesOf(file).length > 0;
    }, 'lines in the new file');
    await log.close();
    const all = [...linesOf(`${file}.1`), ...linesOf(file)].map((line) => line.n);
    expect(all).toEqual(Array.from({ length: n }, (_, at) => at + 1));
  });

  it('is opened anew by itself once it was renamed, and once its folder is there again', async () => {
    const own = join(folder, 'logs');
    const file = join(folder, 'access.log');
    open(file, 10);
    log.write('{"n":1}\n');
    await until(() => linesOf(file).length === 1, 'the first line');
    renameSync(folder, `${folder}-moved`);
    try {
      log.reopen();
      log.write('{"n":2}\n');
      await until(() => linesOf(join(`${folder}-moved`, 'access.log')).length === 2, 'it goes on in the old one');
    } finally {
      renameSync(`${folder}-moved`, folder);
    }
    renameSync(file, own);
    await until(() => existsSync(file), 'the new file');
    expect(linesOf(own)).toHaveLength(2);
  });

  it('drops and counts what the disk does not take', async () => {
    open(join(folder, 'access.log'));
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    const lost = Array.from({ length: 20 }, () => log.write(line)).filter((taken) => !taken).length;
    expect(lost).toBeGreaterThanOrEqual(12);
    await log.close();
    expect(readFileSync(join(folder, 'access.log')).length).toBe((20 - lost) * line.length);
  });

  it('that cannot be written is told at once', () => {
    open(join(folder, 'access.log'));
    expect(() => openAccessLogFile({ file: join(folder, 'none', 'x.log'), log: silentLog })).toThrow(
      /access log cannot be written/,
    );
  });
});

describe('what the cache did, in a word', () => {
  it.each([
    ['Headwater; hit; ttl=3', { cache: 'hit' }],
    ['origin; hit, Headwater; fwd=uri-miss; fwd-status=200; stored; ttl=4', { cache: 'miss', upstream: 200 }],
    ['Headwater; hit; ttl=-3; detail=stale-while-revalidate', { cache: 'stale' }],
    ['Headwater; fwd=stale; fwd-status=503; ttl=-9; detail=stale-if-error', { cache: 'stale', upstream: 503 }],
    ['Headwater; fwd=stale; fwd-status=304; ttl=4', { cache: 'revalidated', upstream: 304 }],
    ['Headwater; fwd=uri-miss; collapsed; ttl=4', { cache: 'collapsed' }],
    ['Headwater; fwd=method; fwd-status=201', { cache: 'pass', upstream: 201 }],
    ['Headwater; detail=network', { cache: 'refused' }],
    ['', {}],
    ['Other; hit', {}],
  ])('%s', (field, outcome) => {
    expect(cacheOutcome(field)).toEqual(outcome);
  });
});
