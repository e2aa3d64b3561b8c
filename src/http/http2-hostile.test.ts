import { connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerPath, engineBench } from './engine-bench.fixture.js';
import { Http2Client } from './http2-client.fixture.js';
import { FrameClient, frame, frameType, getHeaders } from './http2-frames.fixture.js';
import type { HttpRequest, HttpServer } from './server.js';
import { openOverTls } from './tls-bench.fixture.js';

const bench = engineBench({ open: openOverTls, connect: (port) => new Http2Client(port) });
const endHeaders = 0x4;
const endOfRequest = 0x5;
const quick = { headTimeoutMs: 400, idleTimeoutMs: 400 };

function frames(server: HttpServer, ...options: ConstructorParameters<typeof FrameClient>[1][]): FrameClient {
  const client = new FrameClient(server.address.port, options[0]);
  onTestFinished(() => client.destroy());
  return client;
}

async function stillServes(server: HttpServer): Promise<void> {
  const answer = await bench.client(server).send('GET /still HTTP/1.1\r\nHost: test.example\r\n\r\n').response();
  expect(answer.body.toString()).toBe('/still');
}

/** Four bytes. */
const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe('HTTP/2 clients that flood', () => {
  it('with streams that they reset at once lose the session, and handlers are told', async () => {
    const seen: HttpRequest[] = [];
    const server = await bench.serve((request, response) => {
      if (request.path === '/still') return answerPath(request, response);
      seen.push(request);
      expect(request.signal.aborted).toBe(false);
    }, quick);
    const client = frames(server).greet();
    const cancel = word(8);
    const rounds = 20_000;
    for (let i = 0; i < rounds && !client.isClosed; i++) {
      const stream = 2 * i + 1;
      client.send(
        frame(frameType.headers, endOfRequest, stream, getHeaders),
        frame(frameType.reset, 0, stream, cancel),
      );
      if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closedWithin(10_000);
    // nghttp2 allows a burst of 1,000 and 33 a second; then it says GOAWAY, and the session is idle.
    expect(seen.length).toBeLessThan(3000);
    for (const { signal } of seen) expect(signal.aborted).toBe(true);
    await stillServes(server);
  });

  it.each([
    ['settings', frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))],
    ['pings', frame(frameType.ping, 0, 0, Buffer.alloc(8))],
  ])('with %s, reading no answer, are cut; memory stays bounded', async (_name, flood) => {
    const server = await bench.serve(answerPath);
    const client = frames(server).greet();
    client.socket.pause();
    const before = process.memoryUsage().rss;
    const many = Buffer.concat(Array.from({ length: 1000 }, () => flood));
    for (let i = 0; i < 400 && !client.isClosed; i++) {
      client.send(many);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.resume();
    await client.closedWithin(10_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    await stillServes(server);
  });

  it('with header lines that never end are cut', async () => {
    let handled = 0;
    const server = await bench.serve((request, response) => {
      if (request.path === '/still') return answerPath(request, response);
      handled++;
    });
    const client = frames(server)
      .greet()
      .send(frame(frameType.headers, 0x1, 1, getHeaders));
    const line = Buffer.concat([Buffer.from([0x00, 1, 0x78, 100]), Buffer.alloc(100, 'v')]);
    const more = frame(frameType.continuation, 0, 1, Buffer.concat(Array.from({ length: 100 }, () => line)));
    for (let i = 0; i < 500 && !client.isClosed; i++) {
      client.send(more);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closedWithin(10_000);
    expect(handled).toBe(0);
    await stillServes(server);
  });
});

describe('HTTP/2 clients that wait', () => {
  it('to shake hands, to send the preface, or to end a head, are closed at the deadline', async () => {
    const server = await bench.serve(answerPath, quick);
    const tcp = connectTcp(server.address.port, '127.0.0.1');
    tcp.on('error', () => {});
    onTestFinished(() => void tcp.destroy());
    const gone = new Promise((resolve) => tcp.once('close', resolve));
    const silent = frames(server);
    const half = frames(server)
      .greet()
      .send(frame(frameType.headers, 0x1, 1, getHeaders));
    const dripping = frames(server).greet();
    const drip = setInterval(() => dripping.send(frame(frameType.ping, 0, 0, Buffer.alloc(8))), 100);
    onTestFinished(() => clearInterval(drip));
    await Promise.all([gone, ...[silent, half, dripping].map((client) => client.closedWithin(8000))]);
    await stillServes(server);
  });

  it('to take one answer are cut there, although they read another', async () => {
    const requests = new Map<string, HttpRequest>();
    const server = await bench.serve(async (request, response) => {
      requests.set(request.path, request);
      response.start(200, []);
      while (!request.signal.aborted) {
        if (!response.write(Buffer.alloc(16 * 1024))) await response.drained();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }, quick);
    const client = new Http2Client(server.address.port);
    onTestFinished(() => client.destroy());
    client.session
      .request({ ':path': '/read' })
      .on('error', () => {})
      .resume();
    const stalled = client.session.request({ ':path': '/stalled' }).on('error', () => {});
    await new Promise((resolve) => stalled.once('close', resolve));
    expect(requests.get('/stalled')?.signal.aborted).toBe(true);
    expect(requests.get('/read')?.signal.aborted).toBe(false);
  });
});

describe('HTTP/2 connections', () => {
  it('are TLS 1.2 or later', async () => {
    const server = await bench.serve(answerPath);
    const old = frames(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await old.closedWithin(5000);
    expect(old.bytesReceived).toBe(0);
    const current = frames(server, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }).greet();
    await new Promise((resolve) => current.socket.once('data', resolve));
    expect(current.socket.alpnProtocol).toBe('h2');
  });

  it('that speak something else are closed, and the server goes on', async () => {
    let handled = 0;
    const server = await bench.serve((request, response) => {
      if (request.path !== '/still') handled++;
      answerPath(request, response);
    }, quick);
    const noise = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 500 }), { numRuns: 40, seed: 3 });
    const greeted = noise.map((bytes) => frames(server).greet().send(Buffer.from(bytes)));
    const ungreeted = noise.map((bytes) => frames(server).send(Buffer.from(bytes)));
    const framed = noise.map((bytes, i) =>
      frames(server)
        .greet()
        .send(frame(i % 12, bytes[0] ?? 0, i % 3, Buffer.from(bytes))),
    );
    const plain = connectTcp(server.address.port, '127.0.0.1');
    plain.on('error', () => {}).end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await Promise.all([...greeted, ...ungreeted, ...framed].map((client) => client.closedWithin(10_000)));
    expect(handled).toBe(0);
    await stillServes(server);
  });

  it('end a head in several frames', async () => {
    const server = await bench.serve(answerPath);
    const client = frames(server).greet();
    client.send(frame(frameType.headers, 0x1, 1, getHeaders.subarray(0, 3)));
    client.send(frame(frameType.continuation, endHeaders, 1, getHeaders.subarray(3)));
    const settled = new Promise<void>((resolve) => {
      client.socket.on('data', () => client.bytesReceived > 60 && resolve());
    });
    await settled;
  });
});
