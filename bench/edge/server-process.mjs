// Servers under test: each is a process group of its own, with one folder, and none outlives the benchmark.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sleep } from '../box-under-test.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

function signalGroup({ pid }, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** @param ipc whether it talks with us (a Node program of ours) */
export function startProcess(program, args, { folder, environment = {}, ipc = false }) {
  const log = openSync(join(folder, 'output.log'), 'a');
  const stdio = ['ignore', log, log, ...(ipc ? ['ipc'] : [])];
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { cwd: folder, env, stdio, detached: true });
  child.on('error', () => undefined);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Politely, then not. */
export async function stopProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  signalGroup(child, 'SIGTERM');
  await Promise.race([ended, sleep(5000)]);
  signalGroup(child, 'SIGKILL');
  await ended;
}

/** Waits until it answers 200; throws with the end of its log where it does not. */
export async function untilItServes(child, url, folder) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => null);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.status === 200) return;
    if (child.exitCode !== null || Date.now() > deadline) {
      const end = readFileSync(join(folder, 'output.log'), 'utf8').trim().split('\n').slice(-5).join('\n  ');
      throw new Error(`it does not serve (${answer?.status ?? 'no answer'}):\n  ${end}`);
    }
    await sleep(100);
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Where a program is, or null. Daemons are not in every PATH. */
export function find(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file)) ?? null;
}
