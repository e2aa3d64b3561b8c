import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { selfSigned } from '../../src/http/certificate.fixture.js';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { fakeDevices, openBrowser, playback } from '../browser.js';

// A real encoder in a browser, a real one in the box, and a player: three on one small machine.
vi.setConfig({ testTimeout: 90_000 });

/** A creator opens the "Go live" page and broadcasts from the browser; viewers watch. */
let box: TestBox;
let browser: Browser;
let secure: string;
let errors: string[] = [];

beforeAll(async () => {
  const folder = newFolder();
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const { cert, key } = selfSigned();
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  box = await startBox({
    args: [
      ...['--https', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile, '--webrtc', '127.0.0.1:0'],
      ...['--set', 'transcode.pixelsPerSecond=30000000', '--set', 'live.graceSec=1'],
    ],
  });
  secure = `https://${box.ready.https}`;
  browser = await openBrowser([...fakeDevices, '--host-resolver-rules=MAP tv.example 127.0.0.1']);
  for (const name of ['plain', 'secure', 'pictures']) await box.command('channel', 'create', name);
});

afterAll(async () => {
  await browser?.close();
  await cleanUp();
});

beforeEach(() => {
  errors = [];
});

/** A page of its own browser profile, signed in. */
async function signedIn(web: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('dialog', (dialog) => dialog.accept());
  const { signInUrl } = await box
    .json<{ signInUrl: string }>('user', 'link', 'operator')
    .catch(() => ({ signInUrl: '' }));
  const code = signInUrl.split('#')[1] ?? /#(sign-in=[\w-]+)/.exec(box.printed())?.[1] ?? '';
  await page.goto(`${web}/#${code}`);
  await page.locator('.who').waitFor();
  return page;
}

async function goLive(page: Page, web: string, channel: string, source: string): Promise<void> {
  await page.goto(`${web}/go-live?channel=${channel}`);
  await page.locator(`input[value=${source}]`).check();
  await page.locator('#quality').selectOption({ label: '360p, 0.8 Mb/s' });
  await page.locator('#start').click();
  await page.locator('#standing[data-state=live]').waitFor({ timeout: 60_000 });
}

/** The watch page, opened by the link of the live page, shows moving pictures. */
async function watched(page: Page): Promise<void> {
  const [viewer] = await Promise.all([
    page.context().waitForEvent('page', { timeout: 60_000 }),
    page.locator('#watch').click({ timeout: 60_000 }),
  ]);
  await until(
    async () => ((await playback(viewer))?.frames ?? 0) > 25,
    60_000,
    () => box.printed(),
  );
  expect((await playback(viewer))?.error).toBeNull();
  await viewer.close();
}

const words = async (page: Page, id: string) => (await page.locator(id).textContent()) ?? '';

async function stopped(page: Page): Promise<void> {
  await page.locator('#stop').click();
  await page.locator('#start').waitFor();
  await until(
    async () => (await box.json<{ live: unknown[] }>('status')).live.length === 0,
    60_000,
    () => box.printed(),
  );
}

it('broadcasts the camera from the plain door on this machine, and shows what goes out', async () => {
  const page = await signedIn(box.http);
  await goLive(page, box.http, 'plain', 'camera');
  await watched(page);
  await until(async () => Number.parseFloat(await words(page, '#bitrate')) > 0, 60_000);
  await until(async () => /^640×360 (H264|VP8)$/.test(await words(page, '#resolution')), 60_000);
  await until(async () => Number.parseFloat(await words(page, '#fps')) > 5, 60_000);
  await until(async () => /\d ms/.test(await words(page, '#rtt')), 60_000);
  await until(async () => /%$/.test(await words(page, '#loss')), 60_000);
  await stopped(page);
  expect(errors).toEqual([]);
  await page.context().close();
});

it('goes on by itself after the media connection was lost', async () => {
  const page = await signedIn(box.http);
  // The page's own connections, so that the test can break one.
  await page.addInitScript(`{
    const Real = RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Real { constructor(...given) { super(...given); connections.push(this); } };
  }`);
  await goLive(page, box.http, 'plain', 'camera');
  await page.evaluate(`{
    const [first] = connections;
    first.close();
    Object.defineProperty(first, 'connectionState', { value: 'failed' });
    first.onconnectionstatechange?.();
  }`);
  await page.locator('#standing[data-state=waiting]').waitFor();
  await page.locator('#standing[data-state=live]').waitFor({ timeout: 60_000 });
  expect(await page.evaluate('connections.length')).toBeGreaterThan(1);
  await stopped(page);
  await page.context().close();
});

it('broadcasts the camera over https', async () => {
  const page = await signedIn(secure);
  await goLive(page, secure, 'secure', 'camera');
  await watched(page);
  await stopped(page);
  expect(errors).toEqual([]);
  await page.context().close();
});

it('says on a page without TLS why there is no camera, and broadcasts the test picture until its key is changed', async () => {
  const web = box.http.replace('127.0.0.1', 'tv.example');
  const page = await signedIn(web);
  await page.goto(`${web}/go-live?channel=pictures`);
  expect(await page.locator('#no-camera').innerText()).toMatch(/over https or from localhost[\s\S]*--https ADDR:PORT/);
  expect(await page.locator('input[value=camera]').isDisabled()).toBe(true);
  expect(await page.locator('input[value=screen]').isDisabled()).toBe(true);
  await goLive(page, web, 'pictures', 'test');
  await watched(page);
  // A key that is changed ends the session: the page tries again, hears that the key is wrong, and says so.
  await box.command('channel', 'rotate-key', 'pictures');
  await page.locator('#start').waitFor({ timeout: 60_000 });
  expect(await words(page, '#standing')).toContain('key');
  expect(errors).toEqual([]);
  await page.context().close();
});

it('tells who is not signed in what to do', async () => {
  const page = await browser.newPage();
  await page.goto(`${box.http}/go-live`);
  await page.locator('#signed-out').waitFor();
  await page.close();
});
