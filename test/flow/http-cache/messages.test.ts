import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openScene, readAnswer, type Scene } from '../../../src/edge-cache/edge.fixture.js';

/** How answers come over the wire (RFC 9112), whole and not, from servers old and odd; what of it is kept. Byte by byte as written here. */

const lines = (...given: string[]): string => given.join('\r\n');
const head = (...fields: string[]): string =>
  `${lines('HTTP/1.1 200 OK', 'Cache-Control: max-age=60', ...fields)}\r\n\r\n`;

/** What the origin sends → what the client gets; and it is kept. */
const kept: Record<string, readonly [sent: string, body: string]> = {
  'with a length': [`${head('Content-Length: 4')}body`, 'body'],
  'in chunks': [`${head('Transfer-Encoding: chunked')}2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`, 'body'],
  'in chunks with extensions': [`${head('Transfer-Encoding: chunked')}4;a=b\r\nbody\r\n0;c\r\n\r\n`, 'body'],
  'with trailers, which are dropped': [
    `${head('Transfer-Encoding: chunked', 'Trailer: a')}4\r\nbody\r\n0\r\nA: 1\r\n\r\n`,
    'body',
  ],
  'up to the end of the connection': [`${head('Connection: close')}body`, 'body'],
  'over HTTP/1.0, up to the end of the connection': [`${head().replace('1.1', '1.0')}body`, 'body'],
  'over HTTP/1.0, with a length': [`${head('Content-Length: 4').replace('1.1', '1.0')}body`, 'body'],
  'without a reason': [`${head('Content-Length: 4').replace(' OK', ' ')}body`, 'body'],
  'with an odd reason': [`${head('Content-Length: 4').replace('OK', 'I was here')}body`, 'body'],
  'behind interim answers': [
    `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${head('Content-Length: 4')}body`,
    'body',
  ],
  'empty, with a length': [head('Content-Length: 0'), ''],
  'empty, in chunks': [`${head('Transfer-Encoding: chunked')}0\r\n\r\n`, ''],
  'with field names in odd cases': [`${head('cOnTeNt-LeNgTh: 4')}body`, 'body'],
  'with no space behind a colon': [`${head('Content-Length:4', 'A:b')}body`, 'body'],
  'with a lifetime that Expires gives without a Date': [
    `${head('Content-Length: 4').replace('Cache-Control: max-age=60', `Expires: ${new Date(Date.now() + 3_600_000).toUTCString()}`)}body`,
    'body',
  ],
};

/** Not whole, or not to be understood: it is never kept. */
const broken: Record<string, string> = {
  'fewer bytes than announced': `${head('Content-Length: 9')}body`,
  'a chunk cut short': `${head('Transfer-Encoding: chunked')}9\r\nbody`,
  'no last chunk': `${head('Transfer-Encoding: chunked')}4\r\nbody\r\n`,
  'a chunk without a size': `${head('Transfer-Encoding: chunked')}x\r\nbody\r\n0\r\n\r\n`,
  'two lengths that differ': `${head('Content-Length: 4', 'Content-Length: 5')}body`,
  'a length that is no number': `${head('Content-Length: four')}body`,
  'a negative length': `${head('Content-Length: -4')}body`,
  'a head cut short': lines('HTTP/1.1 200 OK', 'Cache-Control: max-age=60', 'Content-Le'),
  'no status': 'HTTP/1.1 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nbody',
  'no HTTP': 'body',
};

describe.each(['node', 'uws'] as const)('behind the %s engine', (engine) => {
  let scene: Scene;
  let server: Server;
  const sockets = new Set<Socket>();
  let asked = 0;

  /** Sends it, and closes the connection. */
  const open = async (sent: string) => {
    asked = 0;
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => {
        asked += 1;
        socket.end(sent, 'latin1');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    scene = await openScene({ engine, api: null, origin });
  };
  afterEach(async () => {
    await scene.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it.each(Object.entries(kept))('keeps what comes %s', async (_, [sent, body]) => {
    await open(sent);
    for (let times = 0; times < 2; times += 1) {
      const answer = await scene.ask('/a');
      expect([answer.status, answer.body, answer.headers.trailer, asked]).toEqual([200, body, undefined, 1]);
    }
  });

  it.each(Object.entries(broken))('keeps nothing of %s', async (_, sent) => {
    await open(sent);
    for (let times = 0; times < 2; times += 1) {
      const before = asked;
      // It is cut, or told that the server broke off: never a whole answer.
      const answer = await readAnswer(scene.open('/a')).catch(() => null);
      expect(answer === null || answer.status >= 500, `${answer?.status} ${answer?.body}`).toBe(true);
      expect(asked).toBeGreaterThan(before);
    }
    expect(scene.edge.stats().objects).toBe(0);
  });
});
