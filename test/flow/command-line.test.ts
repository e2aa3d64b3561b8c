import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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
