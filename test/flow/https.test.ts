import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Agent, fetch, type RequestInit } from 'undici';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { selfSigned } from '../../src/http/certificate.fixture.js';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { publish, stopPublishers } from '../publisher.js';

// A browser plays in one of them, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** The public door over TLS: the same pages, API and media, by addresses that begin with https. */
let box: TestBox;
let web: string;
let certFile: string;
let keyFile: string;
const dispatcher = new Agent({ connect: { rejectUnauthorized: false }, allowH2: true });
const get = (path: string, init: RequestInit = {}) => fetch(`${web}${path}`, { ...init, dispatcher });
const put = ({ cert, key }: { cert: string; key: string }) => {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
};

beforeAll(async () => {
  const folder = newFolder();
  certFile = join(folder, 'cert.pem');
  keyFile = join(folder, 'key.pem');
  put(selfSigned());
  box = await startBox({ args: ['--https', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile] });
  web = `https://${box.ready.https}`;
});

afterAll(async () => {
  stopPublishers();
  await dispatcher.destroy();
  await cleanUp();
});

it('says so when it starts, and in doctor', async () => {
  expect(box.printed()).toContain(`over TLS  ${web}/`);
  const sets = { certFile, keyFile, listen: box.ready.https };
  const args = Object.entries(sets).flatMap(([key, value]) => ['--set', `https.${key}=${value}`]);
  const checks = await box
    .json<{ name: string; verdict: string; found: string }[]>('doctor', ...args)
    .catch((error) => {
      return JSON.parse(error.stdout);
    });
  const found = checks.find(({ name }: { name: string }) => name === 'certificate');
  expect(found).toMatchObject({ verdict: 'warn', found: expect.stringContaining('expires on') });
  expect(checks.find(({ name }: { name: string }) => name === 'port https')).toMatchObject({ verdict: 'ok' });
});

it('gives a signed-in session a Secure cookie, and every address with https', async () => {
  const code = /#sign-in=([\w-]+)/.exec(box.printed())?.[1];
  const signedIn = await get('/v1/auth/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  expect(signedIn.status).toBe(200);
  const cookie = signedIn.headers.getSetCookie()[0] ?? '';
  expect(cookie).toMatch(/; Secure$/);
  const created = await get('/v1/channels', {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: cookie.split(';')[0] ?? '', origin: web },
    body: JSON.stringify({ name: 'secure' }),
  });
  expect(created.status).toBe(201);
  const channel = (await created.json()) as Record<string, string>;
  expect(channel.watchUrl).toBe(`${web}/watch/secure`);
  expect(channel.hlsUrl).toBe(`${web}/live/secure/index.m3u8`);
  const plain = await box.json<Record<string, string>>('channel', 'show', 'secure').catch(() => null);
  if (plain) expect(plain.hlsUrl).toBe(`${box.http}/live/secure/index.m3u8`);
});

it('plays a channel in a browser, over HTTP/2', async () => {
  const channel = (await (await fetch(`${box.http}/v1/channels/secure`)).json()) as { name: string };
  const { rtmpUrl } = await box.json<{ rtmpUrl: string }>('channel', 'create', 'on-air');
  publish(rtmpUrl, { seconds: 600 });
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${web}/watch/on-air`);
    await until(
      async () =>
        Number(
          await page.evaluate(`document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0`),
        ) > 25,
      60_000,
      () => box.printed(),
    );
    const protocol = await page.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`);
    expect(protocol).toBe('h2');
  } finally {
    await browser.close();
  }
  expect(channel.name).toBe('secure');
});

it('takes a renewed certificate on SIGHUP, and keeps it when a broken one comes', async () => {
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const [host = '', port = ''] = box.ready.https?.split(':') ?? [];
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await served()).toBe('localhost');
  put(selfSigned({ name: 'renewed.example' }));
  process.kill(box.pid, 'SIGHUP');
  await until(async () => (await served()) === 'renewed.example', 60_000);
  writeFileSync(keyFile, 'broken');
  process.kill(box.pid, 'SIGHUP');
  await until(() => box.printed().includes('the old one stays'), 60_000);
  expect(await served()).toBe('renewed.example');
});

it('does not start with half a certificate, or one that does not fit', async () => {
  const started = (...args: string[]) => startBox({ args: ['--https', '127.0.0.1:0', ...args] });
  await expect(started('--tls-cert', certFile)).rejects.toThrow('--tls-key is missing');
  await expect(started('--tls-cert', certFile, '--tls-key', keyFile)).rejects.toThrow(
    'no private key that can be read',
  );
});
