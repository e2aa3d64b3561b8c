import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { engineBench, head } from './engine-bench.fixture.js';
import { openNodeServer } from './node-engine.js';
import { openHttpServer } from './open-server.js';
import { header1, header2 } from './proxy-header.fixture.js';
import { RawClient, waitFor } from './raw-client.fixture.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { openOverTls, TestCertificates } from './tls-bench.fixture.js';

const trusting: Partial<HttpServerOptions> = { proxyProtocol: { trusts: (peer) => peer === '127.0.0.1' } };
const trustingNobody: Partial<HttpServerOptions> = { proxyProtocol: { trusts: () => false } };
const tellClient: HttpHandler = (request, response) => {
  const body = Buffer.from(`${request.remoteAddress} ${request.protocol} ${request.path}`);
  response.start(200, [], body.length);
  response.end(body);
};
const v1 = header1('TCP4 198.51.100.1 10.0.0.1 56324 443');
const v2 = header2({ client: [198, 51, 100, 2] });
const get = Buffer.from(head('GET /a'));

/** TLS on a connection that has sent its header. */
const secured = (port: number, header: Buffer) => {
  const raw = connect(port, '127.0.0.1');
  raw.write(header);
  return connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
};

describe.each([
  [
    'node',
    openNodeServer,
    (port: number, header: Buffer): Socket => {
      const socket = connect(port, '127.0.0.1');
      socket.write(header);
      return socket;
    },
  ],
  ['node-tls', openOverTls, secured],
] as const)('connections that are passed on to the %s engine', (_engine, open, pass) => {
  const bench = engineBench({ open });
  const passed = (server: HttpServer, header: Buffer) => {
    const client = new RawClient(server.address.port, (port) => pass(port, header));
    onTestFinished(() => client.destroy());
    return client;
  };
  const bare = (server: HttpServer) => {
    const client = new RawClient(server.address.port);
    onTestFinished(() => client.destroy());
    return client;
  };

  it.each([
    ['version 1', v1, '198.51.100.1'],
    ['version 2', v2, '198.51.100.2'],
    ['LOCAL', header2({ command: 0x20, family: 0, client: [] }), '127.0.0.1'],
  ])('have the address of their header, for each request: %s', async (_name, header, address) => {
    const server = await bench.serve(tellClient, trusting);
    const client = passed(server, header);
    for (const path of ['/a', '/b']) {
      const { body } = await client.send(head(`GET ${path}`)).response();
      expect(body.toString()).toBe(`${address} HTTP/1.1 ${path}`);
    }
  });

  it('are asked about by that address, and counted until they close', async () => {
    const told: string[] = [];
    const connectionGate = (address: string) => {
      told.push(address);
      return address === '198.51.100.2' ? null : () => void told.push('closed');
    };
    const server = await bench.serve(tellClient, { ...trusting, connectionGate });
    const taken = passed(server, v1).send(get);
    await taken.response();
    const cut = passed(server, v2);
    await cut.closed;
    taken.destroy();
    await waitFor(() => told.length === 3);
    expect(told).toEqual(['198.51.100.1', '198.51.100.2', 'closed']);
  });

  it('are cut without a header, with a broken one, or with none in time; and the operator is told once', async () => {
    const lines: { level: number; hint?: string }[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    let handled = 0;
    const options = { host: '127.0.0.1', port: 0, headTimeoutMs: 300, ...trusting };
    const server = await open(options, () => void handled++, log);
    onTestFinished(() => server.close(0));
    const broken = [get, header1('TCP4 nobody 10.0.0.1 1 2'), v2.subarray(0, 20), v1.subarray(0, 9), Buffer.alloc(0)];
    await Promise.all(broken.map((bytes) => bare(server).send(bytes).closed));
    expect(handled).toBe(0);
    expect(lines).toEqual([expect.objectContaining({ level: 40, hint: expect.stringContaining('send-proxy') })]);
  });

  it('are not believed from anybody else', async () => {
    const server = await bench.serve(tellClient, trustingNobody);
    for (const header of [v1, v2]) {
      const client = bare(server).send(Buffer.concat([header, get]));
      await client.closed;
      expect(client.received.toString('latin1')).not.toContain('198.51.100');
      expect(client.received.toString('latin1')).not.toContain(' 200 ');
    }
    const { body } = await passed(server, Buffer.alloc(0)).send(get).response();
    expect(body.toString()).toBe('127.0.0.1 HTTP/1.1 /a');
  });

  it('are not told another address by a second header, which only the client can have sent', async () => {
    const server = await bench.serve(tellClient, trusting);
    const client = passed(server, Buffer.concat([v1, v2]));
    client.send(get);
    await client.closed;
    expect(client.received.toString('latin1')).not.toContain('198.51.100.2');
    const later = passed(server, v1).send(get);
    await later.response();
    later.send(Buffer.concat([v2, get]));
    await later.closed;
    expect(later.received.toString('latin1')).not.toContain('198.51.100.2');
  });

  it('are let go of where they still wait when the server closes', async () => {
    const server = await bench.serve(tellClient, trusting);
    const waiting = bare(server).send(v2.subarray(0, 20));
    await passed(server, v1).send(get).response();
    await server.close(10_000);
    await waiting.closed;
  });
});

it('brings requests with their header in one piece, and bodies whole', async () => {
  const bench = engineBench({ open: openNodeServer });
  const server = await bench.serve(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request.body()) bytes += chunk.length;
    const body = Buffer.from(`${request.remoteAddress} ${bytes}`);
    response.start(200, [], body.length);
    response.end(body);
  }, trusting);
  const body = Buffer.alloc(3_000_000, 'b');
  const upload = Buffer.concat([v2, Buffer.from(head('PUT /', `Content-Length: ${body.length}`)), body, get]);
  const client = bench.client(server).send(upload);
  expect((await client.response()).body.toString()).toBe('198.51.100.2 3000000');
  expect((await client.response()).body.toString()).toBe('198.51.100.2 0');
});

it('names the client of HTTP/2 streams', async () => {
  const server = await engineBench({ open: openOverTls }).serve(tellClient, trusting);
  const raw = connect(server.address.port, '127.0.0.1');
  raw.write(v2);
  const session = connectHttp2('https://localhost', {
    createConnection: () => connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
  });
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': '/s' });
  let body = '';
  for await (const chunk of stream.setEncoding('utf8')) body += chunk;
  expect(body).toBe('198.51.100.2 HTTP/2 /s');
});

it("is read by Node's engines alone", async () => {
  const open = (engine: 'auto' | 'uws', certificates?: TestCertificates) =>
    openHttpServer({ host: '127.0.0.1', port: 0, engine, certificates, ...trusting }, tellClient, silentLog);
  await expect(open('uws')).rejects.toMatchObject({ code: 'http.engine-unavailable' });
  for (const certificates of [undefined, new TestCertificates()]) {
    const server = await open('auto', certificates);
    expect(server.engine).toBe(certificates === undefined ? 'node' : 'node-tls');
    await server.close(0);
  }
});
