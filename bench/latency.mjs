// Glass-to-glass latency: from the moment in which a picture is handed to a publisher's ffmpeg until a player in Chromium shows it,
// read from a clock painted into the pictures; through RTMP, the encoder, the origin and the edge, all on this machine.
//   node bench/latency.mjs [runs] [--part-ms 200] [--players watch,hls.js,hls.js-plain,shaka-dash,dash.js] [--seconds 40]
// Needs a built tree (npm run build), a Chromium, and for the DASH players their packages (npm ci --prefix test/players).
// `watch` is the watch page: hls.js, whose distance from the live edge the page holds. The others run with what the manifest says and
// low latency switched on, and nothing else; `hls.js-plain` with it off. hls.js by itself never plays faster with less than a second in
// its buffer, so it stays where it began.
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { findBrowser } from '../scripts/browser.mjs';
import { machine, median, percentile, sleep, startBox, until } from './box-under-test.mjs';
import { clockReader, startPublisher } from './painted-clock.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'part-ms': { type: 'string', default: '200' },
    players: { type: 'string', default: 'watch,hls.js,hls.js-plain,shaka-dash,dash.js' },
    seconds: { type: 'string', default: '40' },
  },
});
const runs = Number(positionals[0] ?? 3);
const measuredMs = Number(options.seconds) * 1000;
const aimMs = 1000;
/** From the first picture until latency is measured: players come closer to the live edge meanwhile. */
const warmUpMs = 10_000;
/** A stand that a viewer sees. */
const stallMs = 300;
const firstPictureMsMax = 60_000;
/** On the air for this long before a player comes. */
const onAirMs = 8000;

const playerFile = (path) => fileURLToPath(new URL(`../test/players/node_modules/${path}`, import.meta.url));

/** A page of the box's own with nothing in it, a player's program, and what starts it. */
async function openBarePage(page, box, program, start) {
  await page.goto(`${box.http}/time`);
  await page.setContent('<video muted autoplay width="400"></video>');
  await page.addScriptTag({ path: program });
  await page.evaluate(start);
}

function openHlsPage(page, box, hlsUrl, lowLatencyMode) {
  return openBarePage(
    page,
    box,
    fileURLToPath(new URL('../node_modules/hls.js/dist/hls.js', import.meta.url)),
    `(() => {
      const player = new Hls({ lowLatencyMode: ${lowLatencyMode}, maxLiveSyncPlaybackRate: 1.1, backBufferLength: 30 });
      player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && watched.problems.push('hls.js ' + details));
      player.loadSource(${JSON.stringify(hlsUrl)});
      player.attachMedia(document.querySelector('video'));
    })()`,
  );
}

const players = {
  watch: (page, _box, { watchUrl }) => page.goto(watchUrl),
  'hls.js': (page, box, { hlsUrl }) => openHlsPage(page, box, hlsUrl, true),
  'hls.js-plain': (page, box, { hlsUrl }) => openHlsPage(page, box, hlsUrl, false),
  'shaka-dash': (page, box, { mpd }) =>
    openBarePage(
      page,
      box,
      playerFile('shaka-player/dist/shaka-player.compiled.js'),
      `(async () => {
        const player = new shaka.Player();
        await player.attach(document.querySelector('video'));
        player.addEventListener('error', ({ detail }) => watched.problems.push('shaka ' + detail.code));
        player.configure({ streaming: { lowLatencyMode: true, liveSync: { enabled: true } } });
        await player.load(${JSON.stringify(mpd)});
      })()`,
    ),
  'dash.js': (page, box, { mpd }) =>
    openBarePage(
      page,
      box,
      playerFile('dashjs/dist/modern/umd/dash.all.min.js'),
      `(() => {
        const player = dashjs.MediaPlayer().create();
        player.on('error', ({ error }) => watched.problems.push('dash.js ' + error.code + ' ' + error.message));
        player.updateSettings({ streaming: { liveCatchup: { enabled: true } } });
        player.initialize(document.querySelector('video'), ${JSON.stringify(mpd)}, true);
      })()`,
    ),
};

/** What one player showed in warm-up and after it. */
async function watch(browser, box, player, channel) {
  const page = await browser.newPage({ viewport: { width: 480, height: 360 } });
  try {
    const problems = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    await page.addInitScript(clockReader);
    const askedAt = Date.now();
    await players[player](page, box, channel);
    // A page whose content was set anew has lost what was there at its beginning.
    await page.evaluate(`window.watched || ${clockReader}`);
    await until(() => page.evaluate('watched.pictures.length > 0'), firstPictureMsMax, 50);
    await sleep(warmUpMs + measuredMs);
    const watched = await page.evaluate('watched');
    return figuresOf(watched, askedAt, [...problems, ...watched.problems]);
  } finally {
    await page.close();
  }
}

function figuresOf({ pictures, waits }, askedAt, problems) {
  const firstAt = pictures[0][0];
  const warmUntil = firstAt + warmUpMs;
  const measured = pictures.filter(([at]) => at >= warmUntil);
  const latencies = measured.flatMap(([, behind]) => behind ?? []);
  const rates = measured.map(([, , rate]) => rate);
  const stalls = [...waits.filter(([from, to]) => to - from > stallMs), ...gaps(pictures)];
  return {
    firstPictureMs: firstAt - askedAt,
    p50: percentile(latencies, 50),
    p95: percentile(latencies, 95),
    max: percentile(latencies, 100),
    atFirst: pictures[0][1],
    warmStalls: stalls.filter(([from]) => from >= firstAt && from < warmUntil).length,
    stalls: stalls.filter(([from]) => from >= warmUntil).length,
    rate: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
    rateMin: Math.min(...rates),
    rateMax: Math.max(...rates),
    read: latencies.length,
    unread: measured.length - latencies.length,
    problems: [...new Set(problems)],
  };
}

/** Where no picture came for as long as a stall; the player need not have said that it waits. */
function gaps(pictures) {
  return pictures.flatMap(([at], index) => {
    const before = pictures[index - 1]?.[0] ?? at;
    return at - before > stallMs ? [[before, at]] : [];
  });
}

function say(player, run, figures) {
  const { p50, p95, max, rate, rateMin, rateMax } = figures;
  const first = `first picture after ${figures.firstPictureMs} ms, ${figures.atFirst} ms behind`;
  const warm = `${figures.warmStalls} stalls in warm-up, ${figures.stalls} after`;
  const rates = `rate ${rate.toFixed(3)} (${rateMin.toFixed(2)} to ${rateMax.toFixed(2)})`;
  const pictures = `${figures.read} pictures read, ${figures.unread} not`;
  console.log(`${player} run ${run}: p50 ${p50}, p95 ${p95}, max ${max} ms; ${warm}; ${first}`);
  console.log(`  ${rates}; ${pictures}; load ${loadavg()[0].toFixed(1)}`);
  if (figures.problems.length > 0) console.log(`  it said: ${figures.problems.join('; ')}`);
}

/** A box and a publisher of its own for each run: none inherits what the one before left. */
async function oneRun(browser, player) {
  const settings = [
    // Enough for the source's own size and no more: 640x360 at 30 pictures a second.
    ...['transcode.pixelsPerSecond=8000000', `live.partMs=${options['part-ms']}`, 'log.level=error'],
  ].flatMap((setting) => ['--set', setting]);
  const box = await startBox(settings);
  const { rtmpUrl, hlsUrl, watchUrl } = await box.createChannel('bench');
  const publisher = startPublisher(rtmpUrl);
  try {
    await until(async () => (await fetch(hlsUrl)).ok, 30_000, 100);
    await sleep(onAirMs);
    return await watch(browser, box, player, { watchUrl, hlsUrl, mpd: new URL('manifest.mpd', hlsUrl).href });
  } finally {
    publisher.stop();
    await box.stop();
  }
}

function sayMedians(player, all) {
  const of = (name) => median(all.map((figures) => figures[name]));
  const stalled = all.filter(({ warmStalls, stalls }) => warmStalls + stalls > 0).length;
  console.log(
    `${player}, ${options['part-ms']} ms parts, median of ${all.length}: p50 ${of('p50')}, p95 ${of('p95')}, max ${of('max')} ms (aim p95 ≤ ${aimMs}), first picture ${of('firstPictureMs')} ms; runs with a stall: ${stalled}`,
  );
}

console.log(machine());
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--mute-audio'],
  '--autoplay-policy=no-user-gesture-required',
];
const browser = await chromium.launch({ executablePath: findBrowser() ?? 'chromium', args });
try {
  for (const player of options.players.split(',')) {
    if (!(player in players))
      throw new Error(`no such player: ${player}; there are ${Object.keys(players).join(', ')}`);
    const all = [];
    for (let run = 1; run <= runs; run += 1) {
      all.push(await oneRun(browser, player));
      say(player, run, all.at(-1));
    }
    sayMedians(player, all);
  }
} finally {
  await browser.close();
}
