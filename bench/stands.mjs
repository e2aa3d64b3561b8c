// How often the picture stands: watch pages beside one another at the live edge of one channel that is passed through, with parts.
//   node bench/stands.mjs [--pages 5] [--seconds 180] [--part-ms 200]
// Needs a built tree (npm run build) and a Chromium. A stand is 300 ms in which the player's clock does not move, after 15 s of warm-up:
// meanwhile pages are opened, which a small machine feels.
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { findBrowser } from '../scripts/browser.mjs';
import { machine, sleep, startBox, until } from './box-under-test.mjs';

const { values: options } = parseArgs({
  options: {
    pages: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '180' },
    'part-ms': { type: 'string', default: '200' },
  },
});
const pageCount = Number(options.pages);
const seconds = Number(options.seconds);
const standMs = 300;
const warmUpMs = 15_000;
/** On the air for this long before a page comes. */
const onAirMs = 8000;

// As text, because it runs in the page.
const clockWatcher = `addEventListener('DOMContentLoaded', () => {
  const stands = [];
  let movedAt = 0;
  let before = 0;
  const stand = () => ({ at: performance.now(), ms: performance.now() - movedAt, mediaSec: before });
  const isStand = ({ ms }) => before > 0 && ms > ${standMs};
  setInterval(() => {
    const time = document.querySelector('video')?.currentTime ?? 0;
    if (time === before) return;
    stands.push(...[stand()].filter(isStand));
    before = time;
    movedAt = performance.now();
  }, 50);
  // Also the one that has no end yet.
  window.standsSoFar = () => [...stands, ...[stand()].filter(isStand)];
})`;

function push(rtmpUrl) {
  const sources = ['testsrc2=size=320x180:rate=25', 'sine=r=48000'].flatMap((of) => ['-re', '-f', 'lavfi', '-i', of]);
  const picture = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-sc_threshold', '0', '-g', '50'];
  const coding = [...picture, '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2'];
  const args = ['-v', 'error', ...sources, '-t', String(seconds + 120), ...coding, '-f', 'flv', rtmpUrl];
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

console.log(machine());
const settings = ['live.preset=passthrough', `live.partMs=${options['part-ms']}`, 'log.level=error'];
const box = await startBox(settings.flatMap((setting) => ['--set', setting]));
const { rtmpUrl, hlsUrl, watchUrl } = await box.createChannel('bench');
const publisher = push(rtmpUrl);
const args = ['--no-sandbox', '--mute-audio', '--autoplay-policy=no-user-gesture-required'];
const browser = await chromium.launch({ executablePath: findBrowser() ?? 'chromium', args });
try {
  await until(async () => (await fetch(hlsUrl)).ok, 30_000, 100);
  await sleep(onAirMs);
  const pages = [];
  for (let count = 0; count < pageCount; count += 1) {
    const page = await browser.newPage({ viewport: { width: 480, height: 360 } });
    await page.addInitScript(clockWatcher);
    await page.goto(watchUrl);
    pages.push(page);
  }
  await sleep(warmUpMs + seconds * 1000);
  const stands = (await Promise.all(pages.map((page) => page.evaluate('standsSoFar()')))).flat();
  const after = stands.filter(({ at }) => at > warmUpMs);
  for (const { ms, mediaSec } of after) console.log(`stood ${Math.round(ms)} ms at ${mediaSec.toFixed(2)} s`);
  const watched = `${pageCount} pages, ${seconds} s each, ${options['part-ms']} ms parts`;
  console.log(`${watched}: ${after.length} stands; load ${loadavg()[0].toFixed(1)}`);
} finally {
  await browser.close();
  publisher.kill('SIGKILL');
  await box.stop();
}
