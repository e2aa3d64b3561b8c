import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, failedCommand, newFolder, runCommand, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';

/** What an operator types, and what comes back. */
let box: TestBox;
let browser: Browser;

beforeAll(async () => {
  box = await startBox();
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await cleanUp();
});

it('prints where it is, with a sign-in link that opens the page as the operator, once', async () => {
  const link = /sign in +(\S+)/.exec(box.printed())?.[1] ?? '';
  expect(link).toMatch(new RegExp(`^${box.http}/#sign-in=`));
  expect(box.printed()).toContain(`rtmp://${box.rtmp}/live/`);
  expect(box.printed()).toContain('channel create town-hall');
  const page = await browser.newPage();
  await page.goto(link);
  await page.getByText('signed in as operator').waitFor();
  await page.getByLabel('name of the new channel').fill('from-the-page');
  await page.getByRole('button', { name: 'Create channel' }).click();
  await page.locator('summary', { hasText: 'from-the-page' }).waitFor();
  await page.close();
  const again = await fetch(`${box.http}/v1/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: link.split('=').at(-1) }),
  });
  expect(again.status).toBeGreaterThanOrEqual(400);
});

it('looks after channels', async () => {
  await box.command('channel', 'create', 'news');
  expect((await failedCommand(box.data, ['channel', 'create', 'news'])).stderr).toContain('already');
  expect((await failedCommand(box.data, ['channel', 'create', 'No Spaces'])).stderr).toMatch(/a-z|name/);
  expect((await box.json<{ name: string }[]>('channel', 'list')).map(({ name }) => name)).toContain('news');
  const shown = await box.json<{ streamKey: string; rtmpUrl: string }>('channel', 'show', 'news');
  expect(shown.rtmpUrl).toBe(`rtmp://${box.rtmp}/live/${shown.streamKey}`);
  const rotated = await box.json<{ streamKey: string }>('channel', 'rotate-key', 'news');
  expect(rotated.streamKey).not.toBe(shown.streamKey);
  await box.command('channel', 'delete', 'news');
  expect((await failedCommand(box.data, ['channel', 'show', 'news'])).stderr).toContain('news');
});

it('sets how a channel is broadcast, one setting at a time', async () => {
  const created = await box.json<Record<string, string>>('channel', 'create', 'setter');
  const addresses = ['dashUrl', 'hlsUrl', 'name', 'rtmpUrl', 'streamKey', 'watchUrl'];
  expect(Object.keys(created).sort()).toEqual(addresses);
  const set = (...words: string[]) => box.json<{ settings: object }>('channel', 'set', 'setter', ...words);
  const words = ['--grace', '0', '--on-loss', 'hold', '--srt-passphrase', 'ten letters'];
  const recording = { dvrSec: null, archive: null };
  const settings = { preset: null, graceSec: 0, onLoss: 'hold', srtPassphrase: 'ten letters', ...recording };
  expect((await set(...words)).settings).toEqual(settings);
  expect((await set('--on-loss', 'default', '--srt-passphrase', 'none')).settings).toEqual({
    ...settings,
    onLoss: null,
    srtPassphrase: null,
  });
  expect(await box.command('channel', 'show', 'setter')).toMatch(
    /preset +as the box is set\ngrace +0 s\non loss +as the box is set\nSRT secret +none/,
  );
  for (const [wrong, message] of [
    [[], /no setting is named[\s\S]*--preset/],
    [['--grace', '1h'], /--grace 1h[\s\S]*0 to 3600/],
    [['--on-loss', 'music'], /slate, hold/],
    [['--srt-passphrase', 'short'], /10 to 79/],
    [['--preset', 'no-such'], /no preset no-such/],
  ] as const) {
    expect((await failedCommand(box.data, ['channel', 'set', 'setter', ...wrong])).stderr).toMatch(message);
  }
  expect((await failedCommand(box.data, ['channel', 'set', 'nobody', '--grace', '1'])).stderr).toMatch(/no channel/);
  await box.command('channel', 'delete', 'setter');
});

it('makes users who may do what is theirs', async () => {
  const user = await box.json<{ name: string; token: string; signInUrl: string }>('user', 'create', 'ada');
  expect(user.signInUrl).toContain('#sign-in=');
  const asAda = ['--url', box.http, '--token', user.token];
  const run = (...words: string[]) => runCommand(join(newFolder(), 'none'), [...words, ...asAda]);
  await run('channel', 'create', 'adas');
  await box.command('channel', 'create', 'operators');
  await expect(run('channel', 'delete', 'operators')).rejects.toThrow();
  await run('channel', 'delete', 'adas');
  expect(await box.command('user', 'list')).toContain('ada');
  expect((await box.json<{ signInUrl: string }>('user', 'link', 'ada')).signInUrl).toContain('#sign-in=');
});

it('shows a newcomer live video without a camera', async () => {
  const demo = runCommand(box.data, ['demo', '--seconds', '8', '--json']);
  await until(
    async () =>
      (await box.json<{ live: { channel: string }[] }>('status')).live.some(({ channel }) => channel === 'demo'),
    60_000,
  );
  const { stdout } = await demo;
  expect(JSON.parse(stdout)).toMatchObject({ name: 'demo', watchUrl: `${box.http}/watch/demo` });
  expect(await box.command('status')).toMatch(/jobs +0 running/);
});

it('examines the machine', async () => {
  const { stdout } = await runCommand(box.data, ['doctor', '--json']);
  const checks: { name: string; verdict: string; found: string }[] = JSON.parse(stdout);
  const verdicts = Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
  expect(verdicts).toMatchObject({
    ffmpeg: 'ok',
    'encoder libx264': 'ok',
    'encoder aac': 'ok',
    'data folder': 'ok',
    'port http': 'ok',
  });
  expect(Object.keys(verdicts)).toEqual(expect.arrayContaining(['http engine', 'disk', 'port rtmp', 'port admin']));
  const broken = await failedCommand(box.data, ['doctor', '--set', 'transcode.ffmpeg=/nonexistent/ffmpeg']);
  expect(broken.stdout).toMatch(/✗ ffmpeg[\s\S]*→ .*apt-get install ffmpeg/);
});

it('says what to do when there is no box, or no such command', async () => {
  const nowhere = join(newFolder(), 'none');
  expect((await failedCommand(nowhere, ['status'])).stderr).toMatch(/no box is running[\s\S]*npm start/);
  expect((await failedCommand(nowhere, ['channel', 'frobnicate'])).stderr).toMatch(/unknown command/);
});

it('refuses what cannot run, in words, and leaves nothing behind', async () => {
  const config = join(newFolder(), 'half.yaml');
  writeFileSync(config, 'roles: [ingest, edge]\n');
  const data = join(newFolder(), 'data');
  expect((await failedCommand(data, ['run', '--config', config])).stderr).toMatch(/roles[\s\S]*together/);
  expect(existsSync(data)).toBe(false);
  expect((await failedCommand(join(newFolder(), 'a,b'), ['up'])).stderr).toMatch(/cannot be used[\s\S]*no comma/);
  expect((await failedCommand(box.data, ['up'])).stderr).toMatch(/another box \(process \d+\) runs/);
  const taken = [
    'up',
    '--http',
    new URL(box.http).host,
    '--rtmp',
    '127.0.0.1:0',
    '--webrtc',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
  ];
  expect((await failedCommand(data, taken)).stderr).toMatch(/in use[\s\S]*--http/);
  expect(existsSync(join(data, 'ready.json'))).toBe(false);
  expect((await failedCommand(data, ['up', '--set', 'live.segmentSec=0'])).stderr).toContain(
    'live.segmentSec takes a whole number',
  );
});

it('runs as an edge of its own before another box', async () => {
  const config = join(newFolder(), 'edge.yaml');
  writeFileSync(config, 'roles: [edge]\n');
  const refused = await failedCommand(join(newFolder(), 'data'), ['run', '--config', config]);
  expect(refused.stderr).toMatch(/edge\.origin and edge\.api/);

  writeFileSync(config, `roles: [edge]\nedge: { origin: ${box.http}, upstreams: [${box.http}], api: ${box.http} }\n`);
  const both = await failedCommand(join(newFolder(), 'data'), ['run', '--config', config]);
  expect(both.stderr).toMatch(/edge\.origin and edge\.upstreams: only one/);

  // The other box's public door is an upstream like any: a second tier before it.
  writeFileSync(config, `roles: [edge]\nedge:\n  origin: ${box.http}\n  api: ${box.http}\n`);
  const edge = await startBox({ verb: ['run', '--config', config] });
  const asset = /\/assets\/[\w.-]+\.js/.exec(await (await fetch(`${edge.http}/`)).text())?.[0] ?? '';
  await (await fetch(edge.http + asset)).arrayBuffer();
  expect((await fetch(edge.http + asset)).headers.get('cache-status')).toMatch(/Headwater; hit/);
  expect((await fetch(`${edge.http}/v1/videos`)).status).toBe(200);
  expect(await edge.kill('SIGTERM')).toBe(0);
});

it('runs as a cache before any HTTP server, without a configuration', async () => {
  const refused = await failedCommand(join(newFolder(), 'data'), ['edge', '--upstream', 'ftp://127.0.0.1']);
  expect(refused.stderr).toMatch(/edge\.upstreams.*--upstream[\s\S]*http:\/\//);

  const asked: string[] = [];
  const origin = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.cookie ?? ''}`);
    response.writeHead(200, { 'cache-control': 'max-age=3' }).end(String(asked.length));
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const edge = await startBox({
    verb: ['edge', '--upstream', `http://127.0.0.1:${(origin.address() as AddressInfo).port}`],
    doors: ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
    args: ['--cache-memory', '16MiB'],
  });
  const ask = async (path: string) => {
    const answer = await fetch(`${edge.http}${path}`, { headers: { cookie: 'a=1' } });
    return [await answer.text(), answer.headers.get('cache-status')];
  };
  // Not one of these means anything here: neither the API's path, nor that of media, nor an escaped slash.
  for (const path of ['/v1/videos', '/media/b_0123456789/v720/7.m4s?token=1', '/a%2Fb']) {
    const [body] = await ask(path);
    expect(await ask(path)).toEqual([body, expect.stringContaining('Headwater; hit; ttl=')]);
  }
  expect(asked).toEqual(['/v1/videos a=1', '/media/b_0123456789/v720/7.m4s?token=1 a=1', '/a%2Fb a=1']);
  writeFileSync(join(edge.data, 'list'), '# what is new\n/new?1\n\nhttp://elsewhere.example/new?2\n');
  const filled = await edge.json('edge', 'prefill', join(edge.data, 'list'), '--rate', '1MiB');
  expect(filled).toMatchObject({ addresses: 2, done: 2, hits: 0, failures: 0 });
  expect(asked.slice(3).sort()).toEqual(['/new?1 ', '/new?2 ']);
  const shown = await edge.command('top', '--count', '1', '--every', '0.2');
  expect(shown).toMatch(/^requests .*hits[\s\S]*memory .* in 5 objects[\s\S]*upstream +127\.0\.0\.1:/m);
  expect(await edge.json('top', '--count', '1', '--every', '0.2')).toMatchObject({ memory: { objects: 5 } });
  origin.closeAllConnections();
  await new Promise((resolve) => origin.close(resolve));
  await until(async () => (await ask('/a%2Fb'))[1]?.includes('detail=stale-if-error') === true, 60_000);
  expect(await ask('/a%2Fb')).toEqual(['3', expect.stringContaining('fwd=stale')]);
  expect(await fetch(`${edge.http}/other`).then(({ status }) => status)).toBe(502);
  expect(await edge.kill('SIGTERM')).toBe(0);
});

it('purges by the command line, at this edge and at one below that follows it', async () => {
  let asked = 0;
  const origin = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { 'cache-control': 'max-age=600', 'cache-tag': 'film' }).end(String(asked));
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const doors = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const port = (origin.address() as AddressInfo).port;
  const above = await startBox({ verb: ['edge', '--upstream', `http://127.0.0.1:${port}`], doors });
  const follow = ['--set', 'edge.followPurges=true'];
  const below = await startBox({ verb: ['edge', '--upstream', above.http], doors, args: follow });
  const read = async (path: string) => (await fetch(below.http + path)).text();
  const seen = await read('/a');
  await until(async () => (await read('/a')) === seen, 60_000);
  expect(await above.command('edge', 'purge', '--tag', 'film')).toContain('1 kept answer forgotten');
  await until(async () => Number(await read('/a')) > Number(seen), 60_000);
  const now = await read('/a');
  expect(await above.json('edge', 'purge', `${above.http}/a`, '--soft')).toMatchObject({ purged: 1, last: 2 });
  await until(async () => Number(await read('/a')) > Number(now), 60_000);
  const refused = await failedCommand(above.data, ['edge', 'purge', 'a']);
  expect(refused.stderr).toContain('The url must be an absolute http address, or begin with a slash.');
  origin.closeAllConnections();
  origin.close();
  for (const edge of [below, above]) expect(await edge.kill('SIGTERM')).toBe(0);
});

it('drains and stops on SIGTERM, and its addresses go with it', async () => {
  const other = await startBox();
  expect(JSON.parse(readFileSync(join(other.data, 'ready.json'), 'utf8'))).toEqual({
    http: new URL(other.http).host,
    rtmp: other.rtmp,
    srt: other.ready.srt,
    webrtc: other.ready.webrtc,
    admin: new URL(other.admin).host,
  });
  expect(await other.kill('SIGTERM')).toBe(0);
  expect(existsSync(join(other.data, 'ready.json'))).toBe(false);
});
