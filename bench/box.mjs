// Start to first answered request, resident memory of the idle box, and push to first picture, median of some runs.
//   node bench/box.mjs [runs]     needs a built tree (npm run build) and a Chromium
import { spawn } from 'node:child_process';
import { chromium } from 'playwright-core';
import { findBrowser } from '../scripts/browser.mjs';
import { machine, median, residentMiB, sleep, startBox, treeResidentMiB, until } from './box-under-test.mjs';

const runs = Number(process.argv[2] ?? 3);
const idleMs = 15_000;

/** From the publisher's start until an already open watch page has shown a picture. */
async function pushToPicture(box, browser) {
  const { rtmpUrl, watchUrl } = await box.createChannel('bench');
  const page = await browser.newPage();
  await page.goto(watchUrl);
  const startedAt = performance.now();
  const source = [
    '-re',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=1280x720:rate=30',
    '-f',
    'lavfi',
    '-i',
    'sine=sample_rate=48000',
  ];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-g',
    '60',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  const publisher = spawn('ffmpeg', ['-v', 'error', ...source, '-t', '60', ...codecs, '-f', 'flv', rtmpUrl], {
    stdio: 'ignore',
  });
  const shown = () => page.evaluate("document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames > 0");
  await until(shown, 40_000);
  const ms = performance.now() - startedAt;
  publisher.kill('SIGKILL');
  await page.close();
  return ms;
}

console.log(machine());
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--autoplay-policy=no-user-gesture-required',
];
const browser = await chromium.launch({ executablePath: findBrowser() ?? 'chromium', args });
const starts = [];
const memory = [];
const trees = [];
const pictures = [];
for (let run = 1; run <= runs; run += 1) {
  const box = await startBox(['--set', 'transcode.pixelsPerSecond=60000000', '--set', 'log.level=error']);
  starts.push(box.msToFirstAnswer);
  await sleep(idleMs);
  memory.push(residentMiB(box.pid));
  trees.push(treeResidentMiB(box.pid));
  pictures.push(await pushToPicture(box, browser));
  console.log(
    `run ${run}: first answer ${starts.at(-1).toFixed(0)} ms, idle ${memory.at(-1).toFixed(0)} MiB (with its children ${trees.at(-1).toFixed(0)}), first picture ${pictures.at(-1).toFixed(0)} ms`,
  );
  await box.stop();
}
await browser.close();
console.log(`start to first answered request, median: ${median(starts).toFixed(0)} ms (aim ≤ 1000)`);
console.log(
  `resident memory of the idle box, median: ${median(memory).toFixed(0)} MiB, with its SRT and WebRTC processes ${median(trees).toFixed(0)} MiB (aim ≤ 150)`,
);
console.log(`push to first picture in a browser, median: ${median(pictures).toFixed(0)} ms (aim ≤ 5000)`);
