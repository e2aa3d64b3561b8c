import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { publish, stopPublishers } from '../publisher.js';

/** A viewer who waits for a channel, goes back in it and returns to the edge, and stays until it is a recording. */

interface Channel {
  readonly hlsUrl: string;
  readonly rtmpUrl: string;
  readonly watchUrl: string;
}

/** As text, because it runs in the page. `luma` is of the picture on the screen: whether there is one. */
const READ = `(() => {
  const video = document.querySelector('video');
  const scrubber = document.querySelector('#scrubber');
  return {
    time: video?.currentTime ?? 0,
    rate: video?.playbackRate ?? 0,
    height: video?.videoHeight ?? 0,
    paused: video?.paused ?? true,
    error: video?.error?.message ?? null,
    covered: document.querySelector('.stage canvas')?.hidden === false,
    latency: document.querySelector('#latency')?.textContent ?? '',
    atEdge: document.querySelector('#to-live')?.getAttribute('aria-pressed') === 'true',
    place: Number(scrubber?.getAttribute('aria-valuenow')),
    length: Number(scrubber?.getAttribute('aria-valuemax')),
    src: video?.src ?? '',
    says: document.querySelector('.stage [role=status]')?.textContent ?? '',
  };
})()`;

interface Seen {
  readonly time: number;
  readonly rate: number;
  readonly height: number;
  readonly paused: boolean;
  readonly error: string | null;
  readonly covered: boolean;
  readonly latency: string;
  readonly atEdge: boolean;
  readonly place: number;
  readonly length: number;
  readonly src: string;
  /** Over the picture. */
  readonly says: string;
}

/** What is on the screen, as a few pixels. */
const PICTURE = `(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 });
  const context = canvas.getContext('2d');
  context.drawImage(document.querySelector('video'), 0, 0, 16, 9);
  return context.getImageData(0, 0, 16, 9).data.join();
})()`;

/** The picture over the scrubber: which part of which image, once that is there. */
const PREVIEW = `(() => {
  const [tile, image] = [document.querySelector('.preview .tile'), document.querySelector('.preview img')];
  if (!image?.naturalWidth) return null;
  const { width, height } = tile.getBoundingClientRect();
  const at = { left: -parseFloat(image.style.left), top: -parseFloat(image.style.top) };
  const within = at.left < image.naturalWidth && at.top < image.naturalHeight;
  return { ...at, within, width: Math.round(width), height: Math.round(height), url: new URL(image.src).pathname };
})()`;

interface Preview {
  readonly left: number;
  readonly within: boolean;
  readonly width: number;
  readonly height: number;
  readonly url: string;
}

/** From `wedge()` on, the buffers that the page has take nothing, and never say that they are done: its player waits for ever. */
const WEDGE = `(() => {
  const { appendBuffer } = SourceBuffer.prototype;
  const buffers = new Set();
  const wedged = new Set();
  window.wedge = () => { for (const each of buffers) wedged.add(each); };
  SourceBuffer.prototype.appendBuffer = function (data) {
    buffers.add(this);
    if (!wedged.has(this)) appendBuffer.call(this, data);
  };
})()`;

/** The picture and its border of two pixels. */
const TILE = { within: true, width: 164, height: 94 };

let box: TestBox;
let browser: Browser;
let page: Page;
let channel: Channel;
let publisher: ReturnType<typeof publish>;
const complaints: string[] = [];

beforeAll(async () => {
  const settings = [
    'live.graceSec=0',
    'live.windowSegments=4',
    'live.segmentSec=1',
    'transcode.pixelsPerSecond=60000000',
  ];
  [box, browser] = await Promise.all([
    startBox({ args: settings.flatMap((setting) => ['--set', setting]) }),
    openBrowser(),
  ]);
  channel = await box.json('channel', 'create', 'town-hall');
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript(WEDGE);
  await page.goto(channel.watchUrl);
}, 90_000);

afterAll(async () => {
  stopPublishers();
  await browser?.close();
  await cleanUp();
});

const look = () => page.evaluate<Seen>(READ);
const sees = (holds: (seen: Seen) => boolean) =>
  until(
    async () => holds(await look()),
    60_000,
    () => `${box.printed().slice(-3000)}\n${complaints.join('\n')}`,
  ).catch(async (error: Error) => {
    throw new Error(`${JSON.stringify(await look())}\n${error.message}`);
  });

/** Seconds behind the broadcaster, as the page says. */
const latencyOf = ({ latency }: Seen) => {
  const minutes = /^(\d+):(\d\d)/.exec(latency);
  return minutes ? Number(minutes[1]) * 60 + Number(minutes[2]) : Number.parseFloat(latency);
};

/** Plays for a second, wherever it is; a jump, or another source with another time, is no playing. */
async function plays(): Promise<void> {
  let { time } = await look();
  let played = 0;
  await sees((seen) => {
    const step = seen.time - time;
    time = seen.time;
    if (!seen.paused && step > 0 && step < 5) played += step;
    return played > 1;
  });
}

async function previewAt(share: number): Promise<Preview> {
  const line = await page.locator('#scrubber').boundingBox();
  if (line === null) throw new Error('no scrubber');
  await page.mouse.move(line.x + line.width * share, line.y + line.height / 2);
  const read = () => page.evaluate<Preview | null>(PREVIEW);
  await until(
    async () => (await read()) !== null,
    60_000,
    () => box.printed().slice(-3000),
  );
  return (await read()) as Preview;
}

async function clickScrubber(share: number): Promise<void> {
  const line = await page.locator('#scrubber').boundingBox();
  if (line === null) throw new Error('no scrubber');
  await page.mouse.click(line.x + line.width * share, line.y + line.height / 2);
}

it('waits for a channel that is not live, and plays by itself once it is', async () => {
  await sees(({ says }) => says === 'town-hall is not live at the moment.');
  publisher = publish(channel.rtmpUrl, { size: '960x540', seconds: 600 });
  await sees(({ time }) => time > 1);
  await plays();
});

it('is at the live edge, says how far behind the broadcaster that is, and holds it', async () => {
  await sees((seen) => seen.atEdge && latencyOf(seen) < 30);
  expect((await look()).latency).toMatch(/^\d+\.\d s behind live$/);
  // It is held by playing a little faster or slower, not by jumps.
  expect([0.97, 1, 1.05, 1.2]).toContain((await look()).rate);
});

it('goes back in the DVR window by its scrubber, which shows a picture of where the pointer is', async () => {
  // Beyond the live window of four seconds.
  await sees(({ length }) => length > 10);
  expect(await previewAt(0.05)).toMatchObject(TILE);
  const [before, picture] = [await look(), await page.evaluate<string>(PICTURE)];
  await clickScrubber(0.25);
  await sees((seen) => !seen.atEdge && !seen.covered && seen.place < before.length / 2);
  await plays();
  // It stays that far behind, and the page says so.
  await sees((seen) => !seen.atEdge && latencyOf(seen) > seen.length - seen.place - 2);
  expect(await page.evaluate<string>(PICTURE)).not.toBe(picture);
});

it('goes back to the live edge by its button, and ten seconds back by a key', async () => {
  await page.locator('#to-live').click();
  await sees((seen) => seen.atEdge && !seen.covered && latencyOf(seen) < 30);
  await plays();
  const edge = latencyOf(await look());
  await page.locator('video').hover();
  await page.keyboard.press('ArrowLeft');
  await sees((seen) => !seen.atEdge && latencyOf(seen) > edge + 5);
  await plays();
  await page.keyboard.press('l');
  await sees((seen) => seen.atEdge && latencyOf(seen) < 30);
});

it('starts over from the beginning of the broadcast', async () => {
  await page.locator('#start-over').click();
  await sees((seen) => !seen.covered && seen.place < 5 && latencyOf(seen) > 10);
  await plays();
  await page.keyboard.press('l');
  await sees((seen) => seen.atEdge && !seen.covered);
});

it('has a menu of qualities, and keeps to the one that was chosen', async () => {
  const labels = await page.locator('#quality option').allTextContents();
  expect(labels.map((label) => label.replace(/ .*/, ''))).toEqual(['Auto', '540p', '360p']);
  await page.locator('#quality').selectOption({ label: '360p' });
  await sees(({ height }) => height === 360);
  await clickScrubber(0.3);
  await sees((seen) => !seen.atEdge && !seen.covered && seen.height === 360);
  await plays();
  await page.keyboard.press('l');
  await sees((seen) => seen.atEdge && seen.height === 360);
});

it('pauses and plays by keys, and every control has a name', async () => {
  await page.locator('video').hover();
  await page.keyboard.press('k');
  await sees(({ paused }) => paused);
  await page.keyboard.press(' ');
  await plays();
  const names = await page
    .locator('.player button, .player select, .player input')
    .evaluateAll((controls) =>
      controls.map((control) => (control as unknown as { ariaLabel: string | null }).ariaLabel),
    );
  expect(names.every((name) => name !== null && name !== '')).toBe(true);
  await page.getByRole('slider', { name: 'Place in the broadcast' }).focus();
  await page.keyboard.press('Home');
  await sees((seen) => !seen.atEdge && !seen.covered && seen.place < 5);
  await page.keyboard.press('End');
  await sees((seen) => seen.atEdge && !seen.covered);
});

it('begins anew at the live edge when its player stands though the broadcast goes on', async () => {
  await sees(({ atEdge }) => atEdge);
  const { src } = await look();
  await page.evaluate('wedge()');
  await sees((seen) => seen.src !== src && seen.atEdge && !seen.covered && latencyOf(seen) < 5);
  await plays();
});

it('hands the playlist to a browser that has no Media Source Extensions, and says what it cannot play', async () => {
  const old = await browser.newPage();
  old.on('pageerror', (error) => complaints.push(error.message));
  await old.addInitScript(
    `for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource']) delete window[name]`,
  );
  await old.goto(channel.watchUrl);
  const knowsHls = await old.evaluate<boolean>(
    `document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== ''`,
  );
  const settled = ({ src, says, time }: Seen) =>
    src === channel.hlsUrl && (knowsHls ? time > 1 : says === 'This browser cannot play HLS.');
  const asked: string[] = [];
  old.on('requestfinished', (request) => asked.push(new URL(request.url()).pathname));
  old.on('requestfailed', (request) => asked.push(`${request.url()} ${request.failure()?.errorText}`));
  await until(
    async () => settled(await old.evaluate<Seen>(READ)),
    60_000,
    () => `it asked for ${asked.slice(-20).join(', ')}\n${box.printed().slice(-3000)}`,
  ).catch(async (error: Error) => {
    throw new Error(`${JSON.stringify(await old.evaluate(READ))}\n${error.message}`);
  });
  expect(await old.getByRole('button', { name: 'Full screen' }).count()).toBe(1);
  await old.close();
});

it('leads to the recording when the broadcast is over, whose pictures share a sheet', async () => {
  await page.keyboard.press('l');
  await sees(({ atEdge }) => atEdge);
  await publisher.stop();
  await sees(({ says }) => says.includes('Watch the recording'));
  await page.locator('#recording').click();
  await page.waitForURL(/\/watch\/v_/);
  await sees(({ time, length }) => time > 0.5 && length > 20);
  await clickScrubber(0.8);
  await sees(({ place, length }) => place > length * 0.75);
  const [first, last] = [await previewAt(0.02), await previewAt(0.98)];
  expect([first, last]).toMatchObject([TILE, TILE]);
  expect(first.url).toMatch(/^\/media\/b_\w+\/thumbs\/0-\d+-[0-9a-f]{8}\.jpg$/);
  expect([last.url, last.left > first.left]).toEqual([first.url, true]);
  expect((await look()).error).toBeNull();
});

it('plays a broadcast of nothing but sound, and the next one of its channel by itself', async () => {
  const radio = await box.json<Channel>('channel', 'create', 'radio');
  await box.json('channel', 'set', 'radio', '--preset', 'audio-only');
  await page.goto(radio.watchUrl);
  await sees(({ says }) => says === 'radio is not live at the moment.');
  for (const ended of ['', 'The broadcast is over.']) {
    await sees(({ says }) => says.startsWith(ended));
    const { stop } = publish(radio.rtmpUrl, { size: '320x180' });
    await sees((seen) => !seen.says && seen.atEdge && latencyOf(seen) < 30);
    await plays();
    expect(await page.locator('#quality option').allTextContents()).toEqual([]);
    await stop();
  }
  expect(complaints).toEqual([]);
});
