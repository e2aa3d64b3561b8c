// The origin behind every server under test: a process of its own, so that its CPU is nobody's.
//   /o/BYTES/NAME       a body of that size, kept for a day
//   /held/BYTES/NAME    the same, its head held back for 300 ms
//   /drip/BYTES/NAME    half of it at once, the other half a second later
// Tells its parent by IPC where it listens, when it sent the first byte of what was held, and, asked, how often it was asked.
import { openHttpServer } from '../../dist/http/open-server.js';
import { silentLog } from '../../dist/telemetry/log.js';

const headers = [
  ['content-type', 'video/mp4'],
  ['cache-control', 'public, max-age=86400'],
  ['etag', '"bench"'],
  ['last-modified', 'Mon, 01 Jan 2024 00:00:00 GMT'],
];
const largest = Buffer.alloc(4 * 1024 * 1024, 'headwater');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let asked = 0;

const answers = {
  o(response, body) {
    response.start(200, headers, body.length);
    response.end(body);
  },
  async held(response, body, path) {
    await sleep(300);
    process.send({ firstByteOf: path, at: Number(process.hrtime.bigint()) / 1e6 });
    answers.o(response, body);
  },
  async drip(response, body) {
    response.start(200, headers, body.length);
    response.write(body.subarray(0, body.length / 2));
    await sleep(1000);
    response.end(body.subarray(body.length / 2));
  },
};

const server = await openHttpServer(
  { engine: 'auto', host: '127.0.0.1', port: 0, idleTimeoutMs: 600_000 },
  (request, response) => {
    asked += 1;
    const [, kind, bytes] = request.path.split('/');
    const answer = answers[kind];
    if (answer !== undefined) return answer(response, largest.subarray(0, Number(bytes)), request.path);
    response.start(404, [], 0);
    response.end();
  },
  silentLog,
);
process.on('message', () => process.send({ asked }));
process.on('disconnect', () => process.exit(0));
process.send({ port: server.address.port });
