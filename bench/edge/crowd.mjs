// Clients that come together: a herd on a cold object, and one who joins a fill that is under way.
import { once } from 'node:events';
import { connect } from 'node:net';
import { percentile, sleep, treeCpuSeconds, treeResidentMiB } from '../box-under-test.mjs';

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const answerMsMax = 60_000;

async function openClient(url) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return socket;
}

/** When the first byte of the body came, and whether all of them did. */
function ask(socket, path, bytes) {
  return new Promise((resolve) => {
    let head = '';
    let firstAt = null;
    let got = 0;
    const end = () => {
      clearTimeout(deadline);
      socket.destroy();
      resolve({ firstAt, whole: got === bytes && head.startsWith('HTTP/1.1 200') });
    };
    const deadline = setTimeout(end, answerMsMax);
    const take = (length) => {
      if (length === 0) return;
      firstAt ??= nowMs();
      got += length;
      if (got >= bytes) end();
    };
    socket.on('data', (chunk) => {
      if (head.includes('\r\n\r\n')) return take(chunk.length);
      head += chunk.toString('latin1');
      const headEnd = head.indexOf('\r\n\r\n');
      if (headEnd >= 0) take(head.length - headEnd - 4);
    });
    socket.on('error', () => undefined);
    socket.on('close', end);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: edge\r\n\r\n`);
  });
}

/** All ask at once for what the origin holds back; figures are the time from the origin's first byte to each one's. */
export async function herd(server, origin, { clients, bytes, path }) {
  const sockets = await Promise.all(Array.from({ length: clients }, () => openClient(server.url)));
  const askedBefore = await origin.asked();
  const cpuBefore = treeCpuSeconds(server.pid);
  const answers = await Promise.all(sockets.map((socket) => ask(socket, path, bytes)));
  const firstByte = origin.firstByteOf(path);
  const late = answers.map(({ firstAt }) => (firstAt ?? Number.POSITIVE_INFINITY) - firstByte);
  return {
    p50Ms: percentile(late, 50),
    p99Ms: percentile(late, 99),
    mostMs: percentile(late, 100),
    fetches: (await origin.asked()) - askedBefore,
    cpuMs: 1000 * (treeCpuSeconds(server.pid) - cpuBefore),
    residentMiB: treeResidentMiB(server.pid),
    errors: answers.filter(({ whole }) => !whole).length,
  };
}

/** One has got the first half; how long does the next one wait for its first byte? */
export async function lateJoiner(server, origin, { bytes, path }) {
  const [first, second] = [await openClient(server.url), await openClient(server.url)];
  const askedBefore = await origin.asked();
  const begun = Promise.race([once(first, 'data'), sleep(5000)]);
  const leading = ask(first, path, bytes);
  await begun;
  // Into the pause between the halves.
  await sleep(200);
  const startedAt = nowMs();
  const joined = await ask(second, path, bytes);
  const led = await leading;
  return {
    firstByteMs: (joined.firstAt ?? Number.POSITIVE_INFINITY) - startedAt,
    fetches: (await origin.asked()) - askedBefore,
    errors: [joined, led].filter(({ whole }) => !whole).length,
  };
}
