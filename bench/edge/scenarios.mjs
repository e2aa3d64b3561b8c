// What is measured. Each scenario runs on one server at a time; `run` gives its figures, named as in report.mjs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { between, randomOf, zipf } from '../draws.mjs';
import { herd, lateJoiner } from './crowd.mjs';
import { measureWindow } from './load.mjs';

const kibibyte = 1024;
const sizes = { '2k': 2 * kibibyte, '64k': 64 * kibibyte, '500k': 500 * kibibyte, '2m': 2048 * kibibyte };

/** Nothing is asked for twice where it must be cold, not by another round and not by another run. */
let names = 0;
const freshName = () => {
  names += 1;
  return `${Date.now().toString(36)}-${names}-`;
};

/** Until it lies where the server wants it: some take an object into memory at its second request. */
async function warm(server, path) {
  for (let times = 0; times < 5; times += 1) {
    const answer = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(20_000) });
    await answer.arrayBuffer();
  }
}

function hit(size, connections) {
  const path = `/o/${sizes[size]}/hot`;
  return {
    name: `hit-${size}-${connections}`,
    what: `hits of ${size}, ${connections} connections`,
    async run(server, { seconds }) {
      await warm(server, path);
      return measureWindow(server, { connections, seconds, ask: ['fixed', path] });
    },
  };
}

function tls(size, connections) {
  const path = `/o/${sizes[size]}/hot`;
  return {
    name: `tls-${size}-${connections}`,
    what: `hits of ${size} over TLS, ${connections} connections`,
    fits: (server) => server.tlsUrl !== null,
    async run(server, { seconds }) {
      await warm(server, path);
      const overTls = { ...server, url: server.tlsUrl };
      return measureWindow(overTls, { connections, seconds, ask: ['fixed', path] });
    },
  };
}

const cached = (server) => !server.isFloor;

function range(connections) {
  const path = `/o/${sizes['2m']}/hot`;
  return {
    name: `range-${connections}`,
    what: `ranges of 64k out of 2m, ${connections} connections`,
    fits: cached,
    async run(server, { seconds }) {
      await warm(server, path);
      return measureWindow(server, { connections, seconds, ask: ['range', path, sizes['64k'], sizes['2m']] });
    },
  };
}

function miss(size, connections) {
  return {
    name: `miss-${size}-${connections}`,
    what: `cold misses of ${size}, ${connections} connections`,
    fits: cached,
    run: (server, { seconds }) =>
      measureWindow(server, { connections, seconds, ask: ['cold', `/o/${sizes[size]}/${freshName()}`] }),
  };
}

const herdOf500 = {
  name: 'herd',
  what: '500 at once on a cold object of 64k that the origin holds back for 300 ms; from its first byte to theirs',
  fits: cached,
  run: (server, { origin }) =>
    herd(server, origin, { clients: 500, bytes: sizes['64k'], path: `/held/${sizes['64k']}/${freshName()}` }),
};

const late = {
  name: 'late',
  what: 'a second client in the middle of a fill of 2m: its first byte',
  fits: cached,
  run: (server, { origin }) =>
    lateJoiner(server, origin, { bytes: sizes['2m'], path: `/drip/${sizes['2m']}/${freshName()}` }),
};

/** 10,000 objects of 2 KB to 1 MB, about 1.6 GB, drawn by Zipf: the list is the same in every run. */
function writeZipfList(folder) {
  const random = randomOf(1);
  const paths = Array.from(
    { length: 10_000 },
    (_, index) => `/o/${between(2 * kibibyte, 1024 * kibibyte, random)}/z${index}`,
  );
  const draw = zipf(paths.length, 0.9, random);
  const file = join(folder, 'zipf.txt');
  writeFileSync(file, Array.from({ length: 200_000 }, () => paths[draw()]).join('\n'));
  return file;
}

function zipfMix(connections) {
  let file = null;
  return {
    name: 'zipf',
    what: `10,000 objects of 2k to 1m by Zipf (0.9), 1.6 GB, more than the memory; ${connections} connections`,
    fits: cached,
    async run(server, { seconds, folder, origin }) {
      file ??= writeZipfList(folder);
      const load = { connections, ask: ['list', file] };
      await measureWindow(server, { ...load, seconds: 2 * seconds });
      const askedBefore = await origin.asked();
      const figures = await measureWindow(server, { ...load, seconds });
      const fetches = (await origin.asked()) - askedBefore;
      return { ...figures, hitPercent: 100 * Math.max(0, 1 - fetches / figures.requests) };
    },
  };
}

export const scenarios = [
  ...Object.keys(sizes).flatMap((size) => [hit(size, 32), hit(size, 256)]),
  range(32),
  miss('2k', 32),
  miss('500k', 32),
  herdOf500,
  late,
  zipfMix(64),
  ...Object.keys(sizes).map((size) => tls(size, 32)),
];
