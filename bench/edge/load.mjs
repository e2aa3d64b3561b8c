// One window of load by wrk on one server, and what the server spent on it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { treeCpuSeconds, treeResidentMiB } from '../box-under-test.mjs';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

async function wrk({ url, connections, seconds, ask }) {
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '20s', '-s', script, url, '--'];
  const child = spawn('wrk', [...args, ...ask.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const texts = [];
  child.stdout.on('data', (text) => texts.push(text));
  const deadline = setTimeout(kill, (seconds + 30) * 1000);
  await once(child, 'close');
  clearTimeout(deadline);
  process.off('exit', kill);
  const line = /^RESULT (.+)$/m.exec(texts.join(''));
  if (line === null) throw new Error(`wrk said nothing of use: ${texts.join('').slice(0, 500)}`);
  const [requests, microseconds, bytes, p50, p99, bad, broken] = line[1].split(' ').map(Number);
  return { requests, sec: microseconds / 1e6, bytes, p50, p99, bad, broken };
}

/** @param server { url, pid } @param ask what load.lua understands */
export async function measureWindow(server, { connections, seconds, ask }) {
  const cpuBefore = treeCpuSeconds(server.pid);
  const window = await wrk({ url: server.url, connections, seconds, ask });
  const cpu = treeCpuSeconds(server.pid) - cpuBefore;
  return {
    perSec: window.requests / window.sec,
    perCpuSec: cpu > 0 ? window.requests / cpu : Number.NaN,
    p50Ms: window.p50 / 1000,
    p99Ms: window.p99 / 1000,
    mebibytesPerSec: window.bytes / window.sec / 2 ** 20,
    residentMiB: treeResidentMiB(server.pid),
    requests: window.requests,
    errors: window.bad + window.broken,
  };
}
