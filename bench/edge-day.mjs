// A day of an edge in minutes: live windows that move on, titles by Zipf, films by ranges, pages that vary, what must not be kept, what is
// not there, clients that leave, purges; from the quiet of the night through a busy noon to the night. Prints what its memory did.
//   node bench/edge-day.mjs [--minutes 10] [--seed 1] [--rate 300] [--engine auto]      rate: requests a second, on average
// Needs a built tree (npm run build). Exit code 1: there were errors, or memory is not flat. Flat: in the third and in the fourth quarter the median
// of the resident memory and the lowest heap (natural collections) are at most 5% and 8 MiB above those of the second.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, median, residentMiB, sleep } from './box-under-test.mjs';
import { startProcess, stopProcess } from './edge/server-process.mjs';
import { DayClients } from './edge-day/clients.mjs';
import { openDayOrigin } from './edge-day/origin.mjs';
import { busyAt, dayOf } from './edge-day/traffic.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '300' },
    engine: { type: 'string', default: 'auto' },
  },
});
const [minutes, seed, rate] = [values.minutes, values.seed, values.rate].map(Number);
if (!(minutes >= 1 && seed >= 0 && rate > 0)) throw new Error('--minutes (1 or more), --seed and --rate take numbers');

const mebibyte = 2 ** 20;
const dayMs = minutes * 60_000;
const hours = 24;
const sampleMs = 500;
const purgeMs = 2000;
const [growthMax, growthMiBMax] = [1.05, 8];
const program = fileURLToPath(new URL('../bin/headwater.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headwater-day-'));

async function startEdge(origin) {
  const ready = join(folder, 'ready.json');
  const doors = [
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--ready-file',
    ready,
    '--data',
    join(folder, 'data'),
  ];
  const cache = ['--cache-memory', '48MiB', '--cache-disk', `${join(folder, 'disk')}:256MiB`];
  const settings = ['--set', `http.engine=${values.engine}`];
  const args = [program, 'edge', '--upstream', origin.url, ...doors, ...cache, ...settings];
  const child = startProcess(process.execPath, args, { folder });
  const deadline = Date.now() + 20_000;
  while (!existsSync(ready) && child.exitCode === null && Date.now() < deadline) await sleep(50);
  if (!existsSync(ready)) throw new Error(readFileSync(join(folder, 'output.log'), 'utf8').trim());
  const { http, admin } = JSON.parse(readFileSync(ready, 'utf8'));
  const token = readFileSync(join(folder, 'data', 'operator.token'), 'utf8').trim();
  return { child, token, http: `http://${http}`, admin: `http://${admin}` };
}

/** @returns by metric, the sum of its samples */
async function metricsOf({ admin }) {
  const sums = new Map();
  for (const line of (await (await fetch(`${admin}/metrics`)).text()).split('\n')) {
    const [, name, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

async function sampled(edge, at) {
  const metrics = await metricsOf(edge);
  return {
    part: at / dayMs,
    residentMiB: residentMiB(edge.child.pid),
    heapMiB: metrics.get('nodejs_heap_size_used_bytes') / mebibyte,
    cacheMiB: metrics.get('headwater_edge_memory_bytes') / mebibyte,
    diskMiB: metrics.get('headwater_edge_disk_bytes') / mebibyte,
  };
}

const quarter = (samples, which) => {
  const those = samples.filter(({ part }) => Math.floor(4 * part) === which - 1);
  return {
    residentMiB: median(those.map((sample) => sample.residentMiB)),
    heapMiB: Math.min(...those.map((sample) => sample.heapMiB)),
  };
};

const columns = [
  'hour',
  'requests/s',
  'hits',
  'late',
  'left',
  'errors',
  'resident MiB',
  'heap MiB',
  'memory MiB',
  'disk MiB',
];
const row = (cells) => console.log(cells.map((cell, at) => String(cell).padStart(columns[at].length + 2)).join(''));
const sum = (counts) => [...counts.values()].reduce((total, count) => total + count, 0);

function reporter(clients, samples) {
  let [reported, answered, hits] = [0, 0, 0];
  return (at) => {
    const hour = Math.floor((hours * at) / dayMs / 2) * 2;
    if (hour <= reported) return;
    const since = samples.filter(({ part }) => part * hours >= reported);
    const now = samples.at(-1);
    const [more, moreHits] = [clients.answered - answered, clients.hits - hits];
    const perSec = more / (((hour - reported) / hours) * (dayMs / 1000));
    const share = `${((100 * moreHits) / more).toFixed(1)}%`;
    const memory = [median(since.map((one) => one.residentMiB)), Math.min(...since.map((one) => one.heapMiB))];
    const held = [...memory, now.cacheMiB, now.diskMiB].map((value) => value.toFixed(1));
    row([hour, perSec.toFixed(0), share, clients.late, clients.left, sum(clients.errors), ...held]);
    [reported, answered, hits] = [hour, clients.answered, clients.hits];
  };
}

function verdict(samples, clients) {
  const second = quarter(samples, 2);
  let flat = true;
  for (const which of [3, 4]) {
    const one = quarter(samples, which);
    for (const what of ['residentMiB', 'heapMiB']) {
      const isFlat = one[what] <= second[what] * growthMax + growthMiBMax;
      flat &&= isFlat;
      console.log(
        `${what.replace('MiB', '')} in quarter ${which}: ${one[what].toFixed(1)} MiB, in the second ${second[what].toFixed(1)}: ${isFlat ? 'flat' : 'NOT FLAT'}`,
      );
    }
  }
  for (const [what, count] of clients.errors) console.log(`error: ${what}, ${count} times`);
  return flat && clients.errors.size === 0;
}

const origin = await openDayOrigin();
const edge = await startEdge(origin);
try {
  console.log(`a day in ${minutes} minutes, seed ${seed}, engine ${values.engine}; ${machine()}`);
  const clients = new DayClients(edge.http);
  const day = dayOf(seed);
  const samples = [];
  const begun = performance.now();
  const report = reporter(clients, samples);
  row(columns);
  const watch = async () => {
    let purged = 0;
    for (let at = 0; at < dayMs; at = performance.now() - begun) {
      samples.push(await sampled(edge, at));
      report(at);
      if (at - purged > purgeMs) {
        purged = at;
        await clients.purge(edge.token, day.purge());
      }
      await sleep(sampleMs);
    }
  };
  const perSec = (now) => rate * busyAt((now - begun) / dayMs);
  await Promise.all([watch(), clients.run({ day, perSec, untilMs: begun + dayMs })]);
  report(dayMs);
  console.log(
    `${clients.answered} answers, ${clients.hits} of them hits; the origin was asked ${origin.asked()} times`,
  );
  process.exitCode = verdict(samples, clients) ? 0 : 1;
} finally {
  await stopProcess(edge.child);
  origin.close();
  rmSync(folder, { recursive: true, force: true });
}
