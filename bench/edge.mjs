// Headwater's edge beside nginx proxy_cache, Varnish and Traffic Server as Debian has them, each tuned, and beside bare uWebSockets.js
// that answers from memory without any cache (the floor, with one thread and with one a core): all before the same origin, interleaved
// in one run, loaded by wrk.
//   npm run bench:edge -- [--seconds 8] [--rounds 3] [--memory-mib 256] [--only hit-2k-32,zipf] [--servers nginx,headwater] [--access-log] [--list]
// Needs a built tree (npm run build), Linux, openssl and wrk. Servers that are not installed are left out. In brackets: the ratio to the
// best of nginx, Varnish and Traffic Server. Everything listens on loopback, on free ports, and lives in one temporary folder.
// CPU is that of a server's whole process tree; resident memory counts shared pages once, and nginx's bodies not at all: they
// are in the kernel's page cache. --seconds is one window of wrk; `zipf` takes three. With --access-log, each writes down every request,
// but the floor; Varnish, which leaves that to another program, does not take part.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from './box-under-test.mjs';
import { measureWindow } from './edge/load.mjs';
import { nginx } from './edge/nginx.mjs';
import { floor, floorOnThreads, headwater, headwaterAlone } from './edge/node-servers.mjs';
import { startOrigin } from './edge/origin-process.mjs';
import { printScenario } from './edge/report.mjs';
import { scenarios } from './edge/scenarios.mjs';
import { find, stopProcess, untilItServes } from './edge/server-process.mjs';
import { trafficServer } from './edge/traffic-server.mjs';
import { varnish } from './edge/varnish.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    'memory-mib': { type: 'string', default: '256' },
    only: { type: 'string' },
    servers: { type: 'string' },
    'access-log': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const settleSec = 2;
const peers = [nginx, varnish, trafficServer];
const all = [...peers, headwater, headwaterAlone, floor, floorOnThreads];

function refuse(message) {
  console.error(message);
  process.exit(1);
}

/** `tls` stands for all whose names begin with `tls-`, `bare-uws` for itself and `bare-uws-threads`. */
function chosen(from, names, what) {
  if (names === undefined) return from;
  const named = names.split(',').flatMap((name) => {
    const found = from.filter((each) => each.name === name || each.name.startsWith(`${name}-`));
    const known = from.map((each) => each.name).join(', ');
    return found.length > 0 ? found : refuse(`no such ${what}: ${name}; there are ${known}`);
  });
  return [...new Set(named)];
}

function positive(name) {
  const value = Number(options[name]);
  return Number.isInteger(value) && value > 0 ? value : refuse(`--${name} takes a whole number from 1 on`);
}

/** Those that are there; the packages of the others are named. */
function present(servers) {
  const missing = servers.filter(({ program }) => program === null).map((server) => server.package);
  if (find('wrk') === null) missing.push('wrk');
  if (missing.length > 0) console.log(`not installed: apt-get install -y --no-install-recommends ${missing.join(' ')}`);
  if (find('wrk') === null) process.exit(1);
  return servers.filter(({ program }) => program !== null);
}

function makeCertificate(folder) {
  const pair = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', pair.key];
  const subject = ['-x509', '-days', '2', '-subj', '/CN=localhost', '-out', pair.cert];
  execFileSync('openssl', ['req', ...key, ...subject], { stdio: 'ignore' });
  return pair;
}

/** Null, with a word on why, where it does not start: the others go on. */
async function startServer(kind, common) {
  const folder = join(common.folder, kind.name);
  mkdirSync(folder);
  let started = null;
  try {
    started = await kind.start({ ...common, folder });
    const { child, port, tlsPort } = started;
    const url = `http://127.0.0.1:${port}`;
    await untilItServes(child, `${url}/o/2048/ready`, folder);
    const tlsUrl = tlsPort === null ? null : `https://127.0.0.1:${tlsPort}`;
    const isPeer = peers.includes(kind);
    return { name: kind.name, isPeer, isFloor: kind.isFloor === true, pid: child.pid, child, url, tlsUrl };
  } catch (error) {
    console.log(`${kind.name} is left out: ${error.message}`);
    if (started !== null) await stopProcess(started.child);
    return null;
  }
}

async function startServers(kinds, common) {
  const servers = [];
  for (const kind of kinds) servers.push(await startServer(kind, common));
  return servers.filter((server) => server !== null);
}

/** In turn, and each round begins with another one. */
async function runScenario(scenario, servers, scene) {
  const taking = servers.filter((server) => scenario.fits?.(server) ?? true);
  const results = new Map(taking.map((server) => [server, []]));
  for (let round = 0; round < scene.rounds; round += 1) {
    for (let turn = 0; turn < taking.length; turn += 1) {
      const server = taking[(turn + round) % taking.length];
      results.get(server).push(await scenario.run(server, scene));
    }
  }
  printScenario(scenario, results);
}

const wanted = chosen(scenarios, options.only, 'scenario');
if (options.list) {
  for (const { name, what } of wanted) console.log(`${name.padEnd(14)} ${what}`);
  process.exit();
}
const [seconds, rounds, memoryMiB] = ['seconds', 'rounds', 'memory-mib'].map(positive);
const kinds = present(chosen(all, options.servers, 'server'));
const folder = mkdtempSync(join(tmpdir(), 'headwater-edge-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
console.log(`${machine()}; windows of ${seconds} s, medians of ${rounds} rounds, ${memoryMiB} MiB of cache each`);
const origin = await startOrigin(folder);
const accessLog = options['access-log'];
const common = { folder, origin: origin.url, memoryMiB, certificate: makeCertificate(folder), accessLog };
const servers = await startServers(kinds, common);
try {
  const scene = { seconds, rounds, folder, origin };
  // What compiles as it runs has compiled.
  for (const server of servers) {
    await measureWindow(server, { connections: 32, seconds: settleSec, ask: ['fixed', '/o/2048/ready'] });
  }
  for (const scenario of wanted) await runScenario(scenario, servers, scene);
  console.log(`\nload ${loadavg()[0].toFixed(1)} at the end`);
} finally {
  await Promise.all(servers.map(({ child }) => stopProcess(child)));
  await origin.stop();
}
process.exit();
