// The floor: uWebSockets.js that answers every /o/BYTES/NAME from memory, with no cache logic at all.
//   node bench/edge/bare-uws.mjs CERTIFICATE KEY THREADS      tells its parent by IPC where it listens
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadUws } from '../../dist/http/load-uws.js';
import { freePort } from './server-process.mjs';

/** What uWebSockets.js takes as options of a port. */
const [shared, exclusive] = [0, 1];
const outcome = loadUws();
if (!outcome.loaded) throw new Error(outcome.reason);
const { uws } = outcome;
const bodies = new Map();

function bodyOf(path) {
  const bytes = Number(path.split('/')[2]);
  const known = bodies.get(bytes);
  if (known !== undefined) return known;
  const made = Buffer.alloc(Math.min(bytes, 4 * 1024 * 1024), 'headwater');
  bodies.set(bytes, made);
  return made;
}

function answer(response, request) {
  const body = bodyOf(request.getUrl());
  response.onAborted(() => undefined);
  response.cork(() => {
    response.writeHeader('content-type', 'video/mp4');
    response.writeHeader('cache-control', 'public, max-age=86400');
    response.writeHeader('etag', '"bench"');
    response.end(body);
  });
}

/** Threads that share a port are told which. */
function listen(app, port) {
  const options = isMainThread ? exclusive : shared;
  return new Promise((resolve, reject) => {
    app.get('/*', answer).listen('127.0.0.1', port, options, (socket) => {
      if (socket) resolve(uws.us_socket_local_port(socket));
      else reject(new Error('bare uWebSockets.js cannot listen'));
    });
  });
}

async function open({ certificate, key, ports }) {
  const port = await listen(uws.App(), ports.port);
  const tlsPort = await listen(uws.SSLApp({ cert_file_name: certificate, key_file_name: key }), ports.tlsPort);
  return { port, tlsPort };
}

async function openThreads(count, pair) {
  const ports = { port: await freePort(), tlsPort: await freePort() };
  for (let thread = 0; thread < count; thread += 1) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...pair, ports } });
    await once(worker, 'message');
  }
  return ports;
}

if (isMainThread) {
  const [certificate, key, threads] = process.argv.slice(2);
  const pair = { certificate, key };
  process.on('disconnect', () => process.exit(0));
  const anyPort = { port: 0, tlsPort: 0 };
  process.send(threads === '1' ? await open({ ...pair, ports: anyPort }) : await openThreads(Number(threads), pair));
} else {
  parentPort.postMessage(await open(workerData));
}
