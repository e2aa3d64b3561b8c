import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { answerPath, type engineBench, head } from './engine-bench.fixture.js';
import { httpEngineContract } from './http-engine.contract.js';
import { loadUws } from './load-uws.js';
import { RawClient, tlsSocket, waitFor } from './raw-client.fixture.js';
import type { HttpHandler, HttpResponse } from './server.js';
import { pem, TestCertificates } from './tls-bench.fixture.js';
import { openUwsServer } from './uws-engine.js';
import type { UwsModule } from './uws-face.js';

const outcome = loadUws();
/** Where no binary loads, `open-server.test.ts` says what there is to say. */
describe.skipIf(!outcome.loaded)('uws over TLS', () => {
  if (outcome.loaded) testEngine(outcome.uws);
});

function testEngine(uws: UwsModule): void {
  const open: Parameters<typeof engineBench>[0]['open'] = (options, handler, log) =>
    openUwsServer(uws, { ...options, certificates: new TestCertificates() }, handler, log);
  const connect = (port: number) => new RawClient(port, tlsSocket);
  httpEngineContract({
    engine: 'uws-tls',
    open,
    connect,
    scheme: 'https',
    latePipelining: 'cut',
    interim: 'kept back',
    namelessHeader: 'ends the head',
    headDeadlineMs: 20_000,
  });

  const lines: { msg: string; level: number; hint?: string }[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const serve = async (handler: HttpHandler = answerPath, certificates = new TestCertificates()) => {
    lines.length = 0;
    const server = await openUwsServer(uws, { host: '127.0.0.1', port: 0, certificates }, handler, log);
    onTestFinished(() => server.close(0));
    const { port } = server.address;
    const client = () => {
      const opened = connect(port);
      onTestFinished(() => opened.destroy());
      return opened;
    };
    return { server, certificates, port, client };
  };
  const swaps = () => lines.filter(({ msg }) => msg === 'new connections get the new certificate').length;
  const change = async (certificates: TestCertificates, name: string) => {
    const before = swaps();
    certificates.change(name);
    await waitFor(() => swaps() > before);
  };

  describe('a certificate that changes', () => {
    it('is what new connections get, while those that stand go on, idle or in the middle of an answer', async () => {
      let answer: HttpResponse | undefined;
      const { certificates, port, client } = await serve((request, response) => {
        if (request.path !== '/half') return answerPath(request, response);
        response.start(200, [], 8);
        response.write(Buffer.from('half'));
        answer = response;
      });
      const idle = client().send(head('GET /one'));
      expect((await idle.response()).body.toString()).toBe('/one');
      const half = client().send(head('GET /half'));
      await waitFor(() => half.received.includes('half'));
      expect(await servedName(port)).toBe('localhost');
      for (const name of ['second.example', 'third.example']) {
        await change(certificates, name);
        expect(await servedName(port)).toBe(name);
        expect((await idle.send(head('GET /again')).response()).body.toString()).toBe('/again');
      }
      answer?.end(Buffer.from('done'));
      expect((await half.response()).body.toString()).toBe('halfdone');
      expect((await half.send(head('GET /next')).response()).body.toString()).toBe('/next');
    });

    // The one moment in which a connection may be lost is some microseconds long, and a busy machine can stretch it.
    it('costs no connection, however many come meanwhile', { retry: 2 }, async () => {
      const { certificates, port } = await serve();
      const worker = new Worker(connectionLoop, { eval: true, workerData: { port, loops: 8 } });
      onTestFinished(() => void worker.terminate());
      await once(worker, 'message');
      for (let round = 0; round < 20; round++) await change(certificates, `round-${round}.example`);
      worker.postMessage('stop');
      const [{ good, bad, names }] = await once(worker, 'message');
      expect(bad).toEqual([]);
      expect(good).toBeGreaterThan(20);
      expect(names).toBeGreaterThan(2);
    });

    it('is not served while it cannot be; the old one stays until one comes that can', async () => {
      const { certificates, port, client } = await serve();
      const idle = client().send(head('GET /one'));
      await idle.response();
      certificates.put({ cert: pem('broken.example').cert, key: pem().key });
      expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('not served yet')]);
      expect(lines[0]?.hint).toContain('BoringSSL takes');
      expect(await servedName(port)).toBe('localhost');
      await change(certificates, 'good.example');
      expect(await servedName(port)).toBe('good.example');
      expect((await idle.send(head('GET /two')).response()).status).toBe(200);
    });

    it('leaves nothing behind: an app without exchanges is closed, and of many the oldest', async () => {
      vi.useFakeTimers({ toFake: ['setInterval', 'performance'] });
      onTestFinished(() => void vi.useRealTimers());
      let waiting: HttpResponse | undefined;
      const { certificates, client } = await serve((request, response) => {
        if (request.path !== '/wait') return answerPath(request, response);
        waiting = response;
      });
      const busy = client().send(head('GET /wait'));
      await waitForReal(() => waiting !== undefined);
      await changeAll(certificates, ['a.example']);
      const idle = client().send(head('GET /one'));
      await idle.response('GET', Number.POSITIVE_INFINITY);
      await changeAll(certificates, ['b.example']);
      vi.advanceTimersByTime(6 * 60_000);
      await idle.closed;
      expect(busy.isClosed).toBe(false);
      await changeAll(certificates, [1, 2, 3, 4, 5, 6, 7].map(String));
      expect(busy.isClosed).toBe(false);
      await changeAll(certificates, ['8', '9']);
      await busy.closed;
    });

    const changeAll = async (certificates: TestCertificates, names: readonly string[]) => {
      for (const name of names) {
        const before = swaps();
        certificates.change(name);
        await waitForReal(() => swaps() > before);
      }
    };

    it('is of no interest to a server that has closed', async () => {
      const { server, certificates } = await serve();
      expect(certificates.listeners).toBe(1);
      certificates.change('late.example');
      await server.close(0);
      expect(certificates.listeners).toBe(0);
    });
  });

  it('refuses a pair that does not fit, and says what would', async () => {
    const certificates = new TestCertificates();
    certificates.put({ cert: pem().cert, key: pem().key });
    const opening = openUwsServer(uws, { host: '127.0.0.1', port: 0, certificates }, answerPath, silentLog);
    await expect(opening).rejects.toMatchObject({
      code: 'http.certificate-unusable',
      hint: expect.stringContaining('P-256'),
    });
    expect(certificates.listeners).toBe(0);
  });

  describe('handshakes', () => {
    it.each([
      ['TLSv1.1', 'refused'],
      ['TLSv1.2', 'TLSv1.2'],
      ['TLSv1.3', 'TLSv1.3'],
    ] as const)('with %s: %s', async (version, expected) => {
      const { port } = await serve();
      expect(await spoken(port, version, 'ALL:@SECLEVEL=0')).toBe(expected);
    });

    it('without forward secrecy, or with CBC, are refused', async () => {
      const { port } = await serve();
      for (const cipher of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA']) {
        expect(await spoken(port, 'TLSv1.2', cipher)).toBe('refused');
      }
    });

    it('that offer HTTP/2 first are served HTTP/1.1', async () => {
      const { port } = await serve();
      const socket = connectTls({ ...to(port), ALPNProtocols: ['h2', 'http/1.1'] });
      const client = new RawClient(port, () => socket).send(head('GET /plain'));
      onTestFinished(() => client.destroy());
      expect((await client.response()).body.toString()).toBe('/plain');
      expect(socket.alpnProtocol).not.toBe('h2');
    });

    it('that stall, break off, or are none are closed in time, and others served meanwhile', async () => {
      const { port, client } = await serve();
      const hello = await clientHello();
      const odd = [
        Buffer.alloc(0),
        hello.subarray(0, 50),
        hello,
        Buffer.from(head('GET /plain')),
        Buffer.alloc(500, 22),
      ];
      const clients = odd.map((bytes) => {
        const raw = new RawClient(port);
        onTestFinished(() => raw.destroy());
        return raw.send(bytes);
      });
      expect((await client().send(head('GET /well')).response()).status).toBe(200);
      await Promise.all(clients.map((raw) => raw.closedWithin(30_000)));
      expect((await client().send(head('GET /well')).response()).status).toBe(200);
    }, 60_000);
  });
}

const to = (port: number) => ({ port, host: '127.0.0.1', rejectUnauthorized: false });

/** The common name of the certificate that a new connection gets. */
async function servedName(port: number): Promise<string> {
  const socket = connectTls(to(port));
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

function spoken(port: number, version: SecureVersion, ciphers: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({ ...to(port), minVersion: version, maxVersion: version, ciphers }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on('error', () => resolve('refused'));
  });
}

/** The first bytes that a TLS client sends. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls(to((server.address() as AddressInfo).port)).on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = await once(socket, 'data');
  for (const one of [client, socket, server]) 'destroy' in one ? one.destroy() : one.close();
  return bytes;
}

/** Where the clock stands still. */
async function waitForReal(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Opens connections without a pause from a thread of its own, one request on each, until it is told to stop. */
const connectionLoop = `
const { connect } = require('node:tls');
const { parentPort, workerData: { port, loops } } = require('node:worker_threads');
let good = 0, stopped = false;
const bad = [], names = new Set();
const one = () => new Promise((done) => {
  let got = '', failure = 'short';
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    names.add(socket.getPeerCertificate().subject.CN);
    socket.write('GET /x HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n');
  });
  socket.on('data', (bytes) => { got += bytes; });
  socket.on('error', (error) => { failure = error.code; });
  socket.on('close', () => {
    if (got.endsWith('/x')) good++;
    else bad.push(failure);
    if (good === loops) parentPort.postMessage('warm');
    done();
  });
});
parentPort.once('message', () => { stopped = true; });
const loop = async () => { while (!stopped) await one(); };
Promise.all(Array.from({ length: loops }, loop)).then(() => parentPort.postMessage({ good, bad, names: names.size }));
`;
