// The floor: uWebSockets.js that answers every /o/BYTES/NAME from memory, with no cache logic at all.
//   node bench/edge/bare-uws.mjs CERTIFICATE KEY      tells its parent by IPC where it listens
import { loadUws } from '../../dist/http/load-uws.js';

const [certificate, key] = process.argv.slice(2);
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

function listen(app) {
  return new Promise((resolve, reject) => {
    app.get('/*', answer).listen('127.0.0.1', 0, (socket) => {
      if (socket) resolve(uws.us_socket_local_port(socket));
      else reject(new Error('bare uWebSockets.js cannot listen'));
    });
  });
}

const port = await listen(uws.App());
const tlsPort = await listen(uws.SSLApp({ cert_file_name: certificate, key_file_name: key }));
process.on('disconnect', () => process.exit(0));
process.send({ port, tlsPort });
