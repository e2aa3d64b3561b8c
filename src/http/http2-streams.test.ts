import { createHash, randomBytes } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { answerPath, bodyOf, engineBench } from './engine-bench.fixture.js';
import { waitFor } from './raw-client.fixture.js';
import type { HttpRequest, HttpServer } from './server.js';
import { openOverTls, TestCertificates } from './tls-bench.fixture.js';
import { openTlsServer } from './tls-engine.js';

const bench = engineBench({ open: openOverTls });

function session(server: HttpServer): ClientHttp2Session {
  const client = connect(`https://127.0.0.1:${server.address.port}`, { rejectUnauthorized: false });
  client.on('error', () => {});
  onTestFinished(() => void client.destroy());
  return client;
}

interface Answer {
  readonly status: number;
  readonly fields: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly code: number;
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let fields: Record<string, string | string[] | undefined> = {};
    const parts: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('response', (head) => {
      fields = head as typeof fields;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('close', () =>
      resolve({
        status: Number(fields[':status'] ?? 0),
        fields,
        body: Buffer.concat(parts),
        code: stream.rstCode ?? 0,
      }),
    );
  });
}

const ask = (client: ClientHttp2Session, headers: OutgoingHttpHeaders) => answerOf(client.request(headers));

describe('many streams of one session', () => {
  it('are served beside one another, each as fast as it is read', async () => {
    const body = randomBytes(2 * 1024 * 1024);
    const written = new Map<string, number>();
    const server = await bench.serve(async (request, response) => {
      response.start(200, [], body.length);
      for (let at = 0; at < body.length; at += 64 * 1024) {
        const roomLeft = response.write(body.subarray(at, at + 64 * 1024));
        written.set(request.path, at);
        if (!roomLeft) await response.drained();
      }
      response.end();
    });
    const client = session(server);
    const stalled = client.request({ ':path': '/stalled' });
    stalled.pause();
    const read = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(client, { ':path': `/${i}` })));
    const wanted = createHash('sha1').update(body).digest('hex');
    for (const answer of read) expect(createHash('sha1').update(answer.body).digest('hex')).toBe(wanted);
    expect(written.get('/stalled')).toBeLessThan(512 * 1024);
    const late = answerOf(stalled);
    stalled.resume();
    expect((await late).body.length).toBe(body.length);
  });

  it('take bodies as the handlers pull them; one that is not read holds back no other', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await bench.serve(async (request, response) => {
      if (request.path === '/late') await released;
      const body = Buffer.from(String((await bodyOf(request)).length));
      response.start(200, [], body.length);
      response.end(body);
    });
    const client = session(server);
    const bytes = 6 * 1024 * 1024;
    const late = client.request({ ':path': '/late', ':method': 'POST' });
    let taken = 0;
    for (let at = 0; at < bytes; at += 65_536) late.write(Buffer.alloc(65_536), () => (taken += 65_536));
    late.end();
    for (let i = 0; i < 8; i++) {
      const upload = client.request({ ':path': '/now', ':method': 'POST' });
      const answer = answerOf(upload);
      upload.end(Buffer.alloc(bytes));
      expect((await answer).body.toString()).toBe(String(bytes));
    }
    expect(taken).toBeLessThan(1024 * 1024);
    const answer = answerOf(late);
    release();
    expect((await answer).body.toString()).toBe(String(bytes));
  });

  it('are at most a hundred at once; more wait in the client', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    const server = await bench.serve(async (request, response) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
      });
      answerPath(request, response);
    });
    const client = session(server);
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    const answers = Array.from({ length: 150 }, (_, i) => ask(client, { ':path': `/${i}` }));
    await waitFor(() => waiting.length === 100);
    const pump = setInterval(() => {
      for (const go of waiting.splice(0)) go();
    }, 5);
    onTestFinished(() => clearInterval(pump));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(150).fill(200));
    expect(most).toBeLessThanOrEqual(100);
  });
});

describe('a stream that its client resets', () => {
  it('fires its signal and no other, and the session goes on', async () => {
    const requests = new Map<string, HttpRequest>();
    const server = await bench.serve((request, response) => {
      requests.set(request.path, request);
      if (request.path === '/fine') answerPath(request, response);
    });
    const client = session(server);
    const first = client.request({ ':path': '/reset' });
    client.request({ ':path': '/other' }).on('error', () => {});
    await waitFor(() => requests.size === 2);
    first.on('error', () => {}).close(8);
    await waitFor(() => requests.get('/reset')?.signal.aborted === true);
    expect(requests.get('/other')?.signal.aborted).toBe(false);
    expect((await ask(client, { ':path': '/fine' })).body.toString()).toBe('/fine');
  });

  it.each([0, 8])('in the middle of its body (code %d) makes the reader throw', async (code) => {
    let outcome = '';
    const server = await bench.serve(async (request) => {
      await bodyOf(request).then(
        () => (outcome = 'whole'),
        () => (outcome = 'broken off'),
      );
    });
    const stream = session(server).request({ ':method': 'PUT', 'content-length': 10 });
    stream.on('error', () => {});
    stream.write('abc', () => setTimeout(() => stream.close(code), 50));
    await waitFor(() => outcome !== '');
    expect(outcome).toBe('broken off');
  });
});

describe('an answer', () => {
  it('carries one Date and one length, and nothing that speaks of HTTP/1.1 connections', async () => {
    const server = await bench.serve((_request, response) => {
      const lines = [
        ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
        ['Content-Length', '99'],
        ['Connection', 'upgrade'],
        ['Upgrade', 'h2c'],
        ['TE', 'gzip'],
        ['Proxy-Connection', 'close'],
        ['Vary', 'accept'],
        ['vary', 'range'],
        ['ETag', '"a"'],
        ['etag', '"b"'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ] as const;
      response.start(200, lines, 5);
      response.end(Buffer.from('hello'));
    });
    const stream = session(server).request({ ':path': '/' });
    const raw = new Promise<string[]>((resolve) =>
      stream.on('response', (...words: unknown[]) => resolve(words[2] as string[])),
    );
    stream.resume();
    const lines = await raw;
    const valuesOf = (name: string) => lines.filter((_, i) => i % 2 === 1 && lines[i - 1] === name);
    expect(valuesOf('date')).toHaveLength(1);
    expect(Math.abs(Date.parse(valuesOf('date')[0] ?? '') - Date.now())).toBeLessThan(60_000);
    expect(valuesOf('content-length')).toEqual(['5']);
    expect(valuesOf('vary')).toEqual(['accept, range']);
    expect(valuesOf('set-cookie')).toEqual(['a=1', 'b=2']);
    for (const name of ['connection', 'upgrade', 'te', 'proxy-connection']) expect(valuesOf(name)).toEqual([]);
  });

  it('before the body was read reaches the client, whole', async () => {
    const big = randomBytes(500_000);
    const server = await bench.serve(async (request, response) => {
      if (request.path === '/part') for await (const _part of request.body()) break;
      response.start(413, [], big.length);
      response.end(big);
    });
    const client = session(server);
    for (const path of ['/unread', '/part']) {
      const stream = client.request({ ':method': 'POST', ':path': path });
      const answer = answerOf(stream);
      stream.write(Buffer.alloc(3_000_000));
      const { status, body, code } = await answer;
      expect([status, body.equals(big), code]).toEqual([413, true, 0]);
    }
  });
});

describe('a head', () => {
  it('has its authority as Host and its cookies in one line', async () => {
    let seen: HttpRequest | undefined;
    const server = await bench.serve((request, response) => {
      seen = request;
      answerPath(request, response);
    });
    await ask(session(server), { ':path': '/a?b=1', ':authority': 'tv.example:8443', cookie: ['a=1', 'b=2'] });
    expect(seen?.header('host')).toBe('tv.example:8443');
    expect(seen?.header('cookie')).toBe('a=1; b=2');
    expect([seen?.path, seen?.query, seen?.scheme, seen?.hasBody]).toEqual(['/a', 'b=1', 'https', false]);
  });

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['with a method of its own', { ':method': 'BREW' }, 501],
    ['with a method in lower case', { ':method': 'get' }, 501],
    ['with two hosts', { ':authority': 'a.example', host: 'b.example' }, 400],
    // These two nghttp2 itself resets.
    ['with a Host that is none', { ':authority': 'a b' }, 0],
    ['with a target without a slash', { ':path': 'nothing' }, 0],
    ['with an asterisk', { ':path': '*', ':method': 'OPTIONS' }, 400],
    ['with a target too long', { ':path': `/${'a'.repeat(16_400)}` }, 431],
    ['for a tunnel', { ':method': 'CONNECT', ':authority': 'a.example:443' }, 400],
  ])('%s reaches no handler', async (_name, headers, status) => {
    let handled = 0;
    const server = await bench.serve((request, response) => {
      if (request.path !== '/fine') handled++;
      answerPath(request, response);
    });
    const client = session(server);
    expect((await ask(client, headers)).status).toBe(status);
    expect(handled).toBe(0);
    expect((await ask(client, { ':path': '/fine' })).status).toBe(200);
  });

  it.each<[string, OutgoingHttpHeaders]>([
    ['lines', Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, '1']))],
    ['bytes', { 'x-long': 'a'.repeat(40_000) }],
  ])('with too many %s reaches no handler, and the server goes on', async (_name, headers) => {
    let handled = 0;
    const server = await bench.serve((request, response) => {
      if (request.path !== '/fine') handled++;
      answerPath(request, response);
    });
    expect([0, 431]).toContain((await ask(session(server), headers)).status);
    expect(handled).toBe(0);
    expect((await ask(session(server), { ':path': '/fine' })).status).toBe(200);
  });

  it('with another length than its body is cut', async () => {
    let outcome = '';
    const server = await bench.serve(async (request) => {
      await bodyOf(request).then(
        () => (outcome = 'whole'),
        () => (outcome = 'broken off'),
      );
    });
    const stream = session(server).request({ ':method': 'PUT', 'content-length': 10 });
    const answer = answerOf(stream);
    stream.end('abc');
    expect((await answer).status).toBe(0);
    await waitFor(() => outcome !== '');
    expect(outcome).toBe('broken off');
  });
});

describe('a changed certificate', () => {
  it('serves new connections, and the old ones go on', async () => {
    const certificates = new TestCertificates();
    const server = await openTlsServer({ host: '127.0.0.1', port: 0, certificates }, answerPath, silentLog);
    onTestFinished(() => server.close(0));
    const served = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connectTls({ port: server.address.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = session(server);
    expect((await ask(before, { ':path': '/one' })).status).toBe(200);
    expect(await served()).toBe('localhost');
    certificates.change('renewed.example');
    expect(await served()).toBe('renewed.example');
    expect((await ask(before, { ':path': '/two' })).body.toString()).toBe('/two');
    await server.close(0);
    expect(certificates.listeners).toBe(0);
  });
});
