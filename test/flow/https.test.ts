import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Agent, fetch, type RequestInit } from 'undici';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { selfSigned } from '../../src/http/certificate.fixture.js';
import { loadUws } from '../../src/http/load-uws.js';
import { header2 } from '../../src/http/proxy-header.fixture.js';
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
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile];
  box = await startBox({ args: ['--https', '127.0.0.1:0', '--https1', '127.0.0.1:0', ...tls] });
  web = `https://${box.ready.https}`;
});

afterAll(async () => {
  stopPublishers();
  await dispatcher.destroy();
  await cleanUp();
});

it('says so when it starts, and in doctor', async () => {
  expect(box.printed()).toContain(`over TLS  ${web}/`);
  expect(box.printed()).toContain(`HTTP/1.1  https://${box.ready.https1}/`);
  const sets = {
    'https.certFile': certFile,
    'https.keyFile': keyFile,
    'https.listen': box.ready.https,
    'https1.listen': box.ready.https1,
  };
  const args = Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const checks = await box
    .json<{ name: string; verdict: string; found: string }[]>('doctor', ...args)
    .catch((error) => {
      return JSON.parse(error.stdout);
    });
  const found = checks.find(({ name }: { name: string }) => name === 'certificate');
  expect(found).toMatchObject({ verdict: 'warn', found: expect.stringContaining('expires on') });
  const migration = checks.find(({ name }: { name: string }) => name === 'https1');
  if (migration) expect(migration.found).toContain('net.ipv4.tcp_migrate_req');
  for (const port of ['port https', 'port https1']) {
    expect(checks.find(({ name }: { name: string }) => name === port)).toMatchObject({ verdict: 'ok' });
  }
});

it('serves the same with HTTP/1.1 alone, on the faster engine where it loads', async () => {
  expect(box.printed()).toContain(`"engine":"${loadUws().loaded ? 'uws-tls' : 'node-tls'}"`);
  const http1 = new Agent({ connect: { rejectUnauthorized: false }, allowH2: false });
  const answers = [web, `https://${box.ready.https1}`].map(async (door) => {
    const page = await fetch(`${door}/`, { dispatcher: http1 });
    return [page.status, page.headers.get('etag'), (await page.text()).length];
  });
  const [overBoth, overHttp1] = await Promise.all(answers);
  expect(overHttp1).toEqual(overBoth);
  expect(overHttp1?.[0]).toBe(200);
  await http1.destroy();
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
  const servedAt = (door: 'https' | 'https1') =>
    new Promise<string>((resolve, reject) => {
      const [host = '', port = ''] = box.ready[door]?.split(':') ?? [];
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const served = async () => [...new Set([await servedAt('https'), await servedAt('https1')])].join();
  expect(await served()).toBe('localhost');
  put(selfSigned({ name: 'renewed.example' }));
  process.kill(box.pid, 'SIGHUP');
  await until(async () => (await served()) === 'renewed.example', 60_000);
  writeFileSync(keyFile, 'broken');
  process.kill(box.pid, 'SIGHUP');
  await until(() => box.printed().includes('the old one stays'), 60_000);
  expect(await served()).toBe('renewed.example');
});

it('is a door of an edge that stands alone, too', async () => {
  put(selfSigned());
  const edge = await startBox({
    verb: ['edge', '--upstream', box.http],
    doors: ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
    args: ['--https1', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile],
  });
  const asked = await fetch(`https://${edge.ready.https1}/v1/videos`, { dispatcher });
  expect([asked.status, asked.headers.get('cache-status')]).toEqual([200, expect.stringContaining('Headwater')]);
  await asked.body?.cancel();
  expect(await edge.kill('SIGTERM')).toBe(0);
});

it('takes connections that a load balancer passes on with a PROXY header, and no others from there', async () => {
  put(selfSigned());
  const edge = await startBox({
    verb: ['edge', '--upstream', box.http],
    doors: ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
    args: [
      ...['--https1', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile, '--set', 'http.proxyProtocol=true'],
      ...['--set', 'http.trustedProxies=["127.0.0.0/8"]', '--set', 'edge.accessLog.to=stdout'],
    ],
  });
  const ask = (header: Buffer) =>
    new Promise<string>((resolve) => {
      const [host = '', port = ''] = edge.ready.https1?.split(':') ?? [];
      const raw = connectTcp({ host, port: Number(port) }).on('error', () => {});
      raw.write(header);
      const socket = connect({ socket: raw, rejectUnauthorized: false });
      let got = '';
      socket.on('data', (bytes) => {
        got += bytes;
      });
      socket.on('error', () => {}).on('close', () => resolve(got));
      socket.write('GET /v1/videos HTTP/1.1\r\nHost: tv.example\r\nConnection: close\r\n\r\n');
    });
  expect(await ask(header2({ client: [198, 51, 100, 2] }))).toMatch(/^HTTP\/1\.1 200 /);
  await until(() => edge.printed().includes('"198.51.100.2"'), 60_000, edge.printed);
  expect(await ask(Buffer.alloc(0))).toBe('');
  await until(() => edge.printed().includes('without a good PROXY header'), 60_000, edge.printed);
  expect(await edge.kill('SIGTERM')).toBe(0);
  const trustless = ['--https1', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile];
  await expect(startBox({ args: [...trustless, '--set', 'http.proxyProtocol=true'] })).rejects.toThrow(
    'http.trustedProxies: [10.0.0.0/8]',
  );
});

it('does not start with half a certificate, or one that does not fit', async () => {
  const started = (...args: string[]) => startBox({ args: ['--https', '127.0.0.1:0', ...args] });
  await expect(started('--tls-cert', certFile)).rejects.toThrow('--tls-key is missing');
  await expect(startBox({ args: ['--https1', '127.0.0.1:0'] })).rejects.toThrow('--tls-cert is missing');
  writeFileSync(keyFile, 'broken');
  await expect(started('--tls-cert', certFile, '--tls-key', keyFile)).rejects.toThrow(
    'no private key that can be read',
  );
});
