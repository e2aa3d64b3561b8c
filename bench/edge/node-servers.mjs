// Headwater itself, as its operator starts it, and the floor.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from '../box-under-test.mjs';
import { startProcess } from './server-process.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const portOf = (address) => Number(address.split(':').at(-1));

const headwaterOf = (name, threads) => ({
  name,
  program: process.execPath,
  async start({ folder, origin, memoryMiB, certificate, accessLog }) {
    const ready = join(folder, 'ready.json');
    const doors = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--ready-file', ready];
    const cache = ['--upstream', origin, '--cache-memory', `${memoryMiB}MiB`, '--data', join(folder, 'data')];
    const tls = [`https.certFile=${certificate.cert}`, `https.keyFile=${certificate.key}`, 'https1.listen=127.0.0.1:0'];
    const log = accessLog ? [`edge.accessLog.to=${join(folder, 'access.log')}`] : [];
    const settings = [...tls, ...log, `edge.threads=${threads}`, 'log.level=error'];
    const sets = settings.flatMap((setting) => ['--set', setting]);
    const args = [here('../../bin/headwater.js'), 'edge', ...doors, ...cache, ...sets];
    const child = startProcess(process.execPath, args, { folder });
    const deadline = Date.now() + 20_000;
    while (!existsSync(ready) && child.exitCode === null && Date.now() < deadline) await sleep(50);
    if (!existsSync(ready)) throw new Error(readFileSync(join(folder, 'output.log'), 'utf8').trim());
    const { http, https1 } = JSON.parse(readFileSync(ready, 'utf8'));
    return { child, port: portOf(http), tlsPort: portOf(https1) };
  },
});

/** As it comes: a thread a core. */
export const headwater = headwaterOf('headwater', null);
/** For what a second thread costs and brings. */
export const headwaterAlone = headwaterOf('one-thread', 1);

const floorOf = (name, threads) => ({
  name,
  program: process.execPath,
  isFloor: true,
  async start({ folder, certificate }) {
    const args = [here('bare-uws.mjs'), certificate.cert, certificate.key, String(threads)];
    const child = startProcess(process.execPath, args, { folder, ipc: true });
    const [ports] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [null])]);
    if (ports === null) throw new Error(readFileSync(join(folder, 'output.log'), 'utf8').trim().slice(-500));
    return { child, ...ports };
  },
});

/** One thread, no cache: it has only what is asked for by size. */
export const floor = floorOf('bare-uws', 1);
/** The same with a thread a core: what threads cost and bring where they share nothing. */
export const floorOnThreads = floorOf('bare-uws-threads', availableParallelism());
