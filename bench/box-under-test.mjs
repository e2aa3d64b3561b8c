// A box on free ports for a benchmark, with what the kernel says of it. Reads /proc: Linux only, like the box's own figures.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeDoors } from '../test/box-arguments.mjs';

const program = fileURLToPath(new URL('../bin/headwater.js', import.meta.url));
const ticksPerSecond = 100;

// A benchmark that is ended in the middle leaves no box behind.
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** User and system CPU seconds: of a process itself, and of the children that it has reaped. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map((ticks) => Number(ticks) / ticksPerSecond);
  return { own: user + system, children: childUser + childSystem };
}

/** Of a process, of its children that run, and of those that it has reaped: CPU seconds of the whole tree. */
export function treeCpuSeconds(pid) {
  const { own, children: reaped } = cpuSeconds(pid);
  return childrenOf(pid).reduce((sum, child) => sum + treeCpuSeconds(child), own + reaped);
}

/** Resident memory of a process and of all below it; pages that they share count once (Pss). */
export function treeResidentMiB(pid) {
  const own = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1024;
  return childrenOf(pid).reduce((sum, child) => sum + treeResidentMiB(child), own);
}

function childrenOf(pid) {
  const running = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return running.filter((name) => parentOf(name) === pid).map(Number);
}

function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
  } catch {
    return 0;
  }
}

export function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition, deadlineMs, everyMs = 10) {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('a benchmark waited in vain');
    await sleep(everyMs);
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** By nearest rank; 100 is the largest. */
export function percentile(values, percent) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

export function machine() {
  return `Node ${process.versions.node}, load ${loadavg()[0].toFixed(2)} at the start`;
}

/** @param nodeArgs for the runtime itself */
export async function startBox(args = [], nodeArgs = []) {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
  const data = join(folder, 'data');
  const ready = join(folder, 'ready.json');
  const startedAt = performance.now();
  const up = ['up', '--data', data, '--ready-file', ready, ...freeDoors, ...args];
  const child = spawn(process.execPath, [...nodeArgs, program, ...up], { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  await until(() => existsSync(ready) || child.exitCode !== null, 20_000);
  const { http, rtmp } = JSON.parse(readFileSync(ready, 'utf8'));
  const token = readFileSync(join(data, 'operator.token'), 'utf8').trim();
  await (await fetch(`http://${http}/`)).text();
  return {
    pid: child.pid,
    http: `http://${http}`,
    rtmp,
    data,
    msToFirstAnswer: performance.now() - startedAt,
    async createChannel(name) {
      const answer = await fetch(`http://${http}/v1/channels`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      return answer.json();
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A clip with motion and grain, made once a run: a smooth test picture flatters encoders. */
export async function makeClip(folder, { seconds, size, rate, bitrate = '5M' }) {
  const file = join(folder, 'clip.mp4');
  const picture = `testsrc2=size=${size}:rate=${rate}:duration=${seconds},noise=alls=8:allf=t`;
  const args = [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    picture,
    '-f',
    'lavfi',
    '-i',
    `sine=sample_rate=48000:duration=${seconds}`,
  ];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-b:v',
    bitrate,
    '-maxrate',
    bitrate,
    '-bufsize',
    bitrate,
    '-g',
    String(rate * 2),
    '-bf',
    '0',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  const child = spawn('ffmpeg', [...args, ...codecs, '-y', file], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the clip could not be made');
  return file;
}
