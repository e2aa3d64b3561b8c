import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadUws } from '../../src/http/load-uws.js';
import { cleanUp, until } from '../box.js';
import { startEdge } from '../edge-process.js';
import { Random } from '../fuzz/random.js';
import { askKnown } from './known-answer.js';
import { KnownLoad } from './known-load.js';
import { KnownOrigin } from './known-origin.js';
import { SlowClients } from './slow-clients.js';

const engines = loadUws().loaded ? (['uws', 'node'] as const) : (['node'] as const);
const kibibyte = 1024;

const idleWanted = 10_000;
const readers = { whole: 400, blocks: 100 };
const senders = { heads: 50, bodies: 50 };
const slowClients = 600;
/**
 * What a connection that says nothing may cost in memory of the process. Measured: 0.6 and 6 KiB; the rest is room for what the collector
 * has not taken yet. Sockets' own buffers are the system's.
 */
const idleBytesMax = { uws: 2 * kibibyte, node: 12 * kibibyte };
/** One chunk each way, but no part of what they ask for: that is in memory once. 300 kB for each would be 176 MiB. */
const slowBytesMax = 64 * kibibyte;
/** For the test's own files and the other clients. */
const otherFiles = 1500;
const idle = Math.min(idleWanted, filesMax() - otherFiles);
if (idle < idleWanted)
  process.stderr.write(`only ${idle} idle clients: no more open files are allowed here (ulimit -Hn)\n`);

afterAll(cleanUp);

describe.each(engines)('behind the %s engine', (engine) => {
  it(`${idle} idle clients and 600 of a byte a second keep nobody waiting`, async () => {
    const origin = await KnownOrigin.open();
    const edge = await startEdge(origin.url, ['--cache-memory', '64MiB', '--set', `http.engine=${engine}`]);
    const port = Number(new URL(edge.http).port);
    const paths = Array.from({ length: 60 }, (_, n) => `/object/${n}/${1000 + 3000 * n}`);
    // Held whole, and in blocks; what is held for a client is neither.
    const [whole, blocks] = ['/whole/300000', '/blocks/6000000'];
    for (const path of [...paths, whole, blocks, blocks]) await askKnown(edge.http, path);
    await serves(edge.http, paths);
    const before = residentBytes(edge.pid);

    const [silent, heads] = [new SlowClients(port), new SlowClients(port)];
    const [uploads, slow] = [new SlowClients(port), new SlowClients(port)];
    onTestFinished(() => {
      for (const clients of [silent, heads, uploads, slow]) clients.close();
    });
    slow.readers(readers.whole, get(whole));
    slow.readers(readers.blocks, get(blocks));
    heads.senders(senders.heads, 'GET / HTTP/1.1\r\nHost: a\r\n', 'X-Slow: y\r\n'.repeat(20));
    uploads.senders(senders.bodies, 'POST /up/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n', 'x'.repeat(15));
    await silent.silent(idle);
    // On a slow machine the first of them may have met their deadline by now.
    expect(silent.open).toBeGreaterThan(idle / 2);
    expect(slow.open).toBe(readers.whole + readers.blocks);
    await serves(edge.http, paths);
    expect(residentBytes(edge.pid) - before).toBeLessThan(idle * idleBytesMax[engine] + slowClients * slowBytesMax);

    // Those that never end a head are closed for it; who sends its body slowly is served.
    await until(
      () => silent.open + heads.open === 0,
      60_000,
      () => `${silent.open} idle, ${heads.open} slow heads stay`,
    );
    await until(
      () => uploads.answered === senders.bodies,
      60_000,
      () => `${uploads.answered} uploads were answered`,
    );
    expect(slow.open).toBe(readers.whole + readers.blocks);
    slow.close();
    await serves(edge.http, paths);
    expect(await edge.kill('SIGTERM')).toBe(0);
    await origin.die();
  });
});

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** Every answer whole and right. */
async function serves(base: string, paths: readonly string[]): Promise<void> {
  const load = new KnownLoad(base, paths, { clients: 16, random: new Random(7) });
  await load.more(500);
  await load.stop();
  expect([load.refused, load.cut]).toEqual([0, 0]);
}

/** What of its memory is in use (Linux). */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return kibibyte * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

function filesMax(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}
