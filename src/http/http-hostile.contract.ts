import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import type { ContractClient } from './contract-client.fixture.js';
import { answerPath, type EngineTraits, engineBench, head } from './engine-bench.fixture.js';
import { RawClient, valuesOf, waitFor } from './raw-client.fixture.js';
import type { HttpHandler, HttpRequest } from './server.js';

const smuggled = head('GET /smuggled');
const manyHeaders = Array.from({ length: 1000 }, (_, i) => `X-${i}: 1`);

/** Bytes that must never make a handler run. */
const malformed: Record<string, string> = {
  'both lengths': `${head('POST /bad', 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
  'both lengths, the other way round': `${head('POST /bad', 'Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n${smuggled}`,
  'differing lengths': `${head('POST /bad', 'Content-Length: 0', 'Content-Length: 44')}${smuggled}`,
  'the same length twice': `${head('POST /bad', 'Content-Length: 3', 'Content-Length: 3')}abc${smuggled}`,
  'a list of lengths': `${head('POST /bad', 'Content-Length: 3, 3')}abc${smuggled}`,
  'a negative length': `${head('POST /bad', 'Content-Length: -1')}${smuggled}`,
  'a signed length': `${head('POST /bad', 'Content-Length: +3')}abc${smuggled}`,
  'a hexadecimal length': `${head('POST /bad', 'Content-Length: 0x3')}abc${smuggled}`,
  'an empty length': `${head('POST /bad', 'Content-Length: ')}${smuggled}`,
  'an absurd length': head('POST /bad', 'Content-Length: 99999999999999999999'),
  'a foreign transfer coding': `${head('POST /bad', 'Transfer-Encoding: gzip')}0\r\n\r\n${smuggled}`,
  'a coding behind chunked': `${head('POST /bad', 'Transfer-Encoding: chunked, identity')}0\r\n\r\n${smuggled}`,
  'chunked twice': `${head('POST /bad', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
  'a misspelt coding': `${head('POST /bad', 'Transfer-Encoding: xchunked')}0\r\n\r\n${smuggled}`,
  'obs-fold': head('GET /bad', 'X-Fold: a\r\n b'),
  'a bare CR in a value': head('GET /bad', 'X: a\rY: b'),
  'a bare LF in a value': head('GET /bad', 'X: a\nY: b'),
  'bare LF line ends': 'GET /bad HTTP/1.1\nHost: a\n\n',
  'a NUL in a value': head('GET /bad', 'X: a\0b'),
  'white space before the colon': head('GET /bad', 'X : a'),
  'a header without a colon': head('GET /bad', 'nonsense'),
  'no Host': 'GET /bad HTTP/1.1\r\n\r\n',
  'two Hosts': head('GET /bad', 'Host: other.example'),
  'a Host with a space': 'GET /bad HTTP/1.1\r\nHost: a b\r\n\r\n',
  'HTTP/1.0': 'GET /bad HTTP/1.0\r\nHost: a\r\n\r\n',
  'HTTP/0.9': 'GET /bad\r\n\r\n',
  'a coming version': 'GET /bad HTTP/2.0\r\nHost: a\r\n\r\n',
  'the HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a method of its own': head('BREW /bad'),
  'a method in lower case': head('get /bad'),
  'a proxy’s target': head('GET http://test.example/bad'),
  'a tunnel’s target': head('CONNECT test.example:443'),
  'an asterisk': head('OPTIONS *'),
  'a target without a slash': head('GET bad'),
  'a tab in the target': head('GET /b\tad'),
  'raw bytes in the target': head('GET /b\xe9d'),
  'a target too long': head(`GET /${'a'.repeat(30_000)}`),
  'a query too long': head(`GET /bad?${'a'.repeat(30_000)}`),
  'a header too long': head('GET /bad', `X: ${'a'.repeat(30_000)}`),
  'a thousand headers': head('GET /bad', ...manyHeaders),
  'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'an RTMP hello': `\x03${'\0'.repeat(1536)}`,
  'empty lines alone': '\r\n\r\n\r\n\r\n',
};

/** Requests that are wrong by accident or on purpose, and clients that take for ever. */
export function hostileContract(traits: EngineTraits): void {
  const bench = engineBench(traits);
  describe('malformed requests', () => {
    it('are refused or closed in time, reach no handler, and leave the server serving', async () => {
      const handled: string[] = [];
      const server = await bench.serve((request, response) => {
        handled.push(`${request.method} ${request.path}`);
        answerPath(request, response);
      }, quick);
      const all = Object.entries(malformed).map(([name, bytes]) =>
        refused(traits, bench.client(server).send(bytes), name),
      );
      expect((await bench.client(server).send(head('GET /meanwhile')).response()).status).toBe(200);
      await Promise.all(all);
      expect(handled).toEqual(['GET /meanwhile']);
      expect((await bench.client(server).send(head('GET /after')).response()).status).toBe(200);
    });

    it('that a parser takes and should not are answered with 400 and a problem document', async () => {
      const server = await bench.serve(answerPath);
      for (const lines of [
        ['Content-Length: 3', 'Content-Length: 4'],
        ['Host: other.example'],
        ['Transfer-Encoding: gzip'],
      ]) {
        const client = bench.client(server).send(head('POST /bad', ...lines));
        const response = await client.response();
        expect(response.status).toBe(400);
        expect(valuesOf(response, 'content-type')).toEqual(['application/problem+json']);
        expect(valuesOf(response, 'date')).toHaveLength(1);
        expect(JSON.parse(response.body.toString())).toMatchObject({ status: 400 });
        await client.closed;
      }
    });

    it('may be any bytes at all', async () => {
      let handled = 0;
      const server = await bench.serve((request, response) => {
        handled++;
        answerPath(request, response);
      });
      const noise = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(`GET /${text} HTTP/1.1\r\n${text}: ${text}\r\n\r\n`)),
        fc.string().map((text) => Buffer.from(head('POST /', 'Transfer-Encoding: chunked') + text)),
      );
      const inputs = fc.sample(noise, { numRuns: 200, seed: 20 });
      const clients = inputs.map((bytes) => bench.client(server).send(bytes));
      await Promise.all(clients.map((client) => waitFor(() => client.bytesSent > 0 || client.isClosed)));
      const before = handled;
      expect((await bench.client(server).send(head('GET /after')).response()).body.toString()).toBe('/after');
      expect(handled).toBeGreaterThan(before);
    });
  });

  describe('a header line without a name', () => {
    it(`is safe (${traits.namelessHeader})`, async () => {
      const seen: HttpRequest[] = [];
      const server = await bench.serve((request, response) => {
        seen.push(request);
        answerPath(request, response);
      });
      const client = bench.client(server).send(head('GET /nameless', ': a', 'X-Behind: b'));
      const response = await client.response();
      expect(response.status).toBe(traits.namelessHeader === 'refused' ? 400 : 200);
      for (const request of seen) expect(request.header('x-behind')).toBeUndefined();
    });
  });

  slowContract(traits);
}

/** These wait for deadlines of many seconds, so they run side by side. */
export function slowContract(traits: EngineTraits): void {
  const { patienceMs = 15_000 } = traits;
  describe.concurrent('clients that take for ever', () => {
    it.skipIf(traits.protocol === 'h2')(
      'to send a head, or send nothing, are closed at the deadline',
      async ({ onTestFinished }) => {
        const bench = engineBench(traits, onTestFinished);
        let handled = 0;
        const server = await bench.serve(() => {
          handled++;
        }, quick);
        const silent = bench.client(server);
        const slow = bench.client(server).send('GET / HTTP/1.1\r\nHost: a\r\n');
        const drip = setInterval(() => slow.send('X: y\r\n'), 1000);
        onTestFinished(() => clearInterval(drip));
        await Promise.all([refused(traits, silent, 'silent'), refused(traits, slow, 'slow')]);
        expect(handled).toBe(0);
      },
    );

    it('after an answer are closed when idle', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      const server = await bench.serve(answerPath, quick);
      const client = bench.client(server).send(head('GET /'));
      await client.response();
      await client.closedWithin(traits.headDeadlineMs);
    });

    it('to send a body that is being read are cut', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      let outcome = '';
      const server = await bench.serve(async (request) => {
        for await (const part of request.body()) outcome = `${outcome}${part}`;
      }, quick);
      const client = bench.client(server).send(`${head('POST /', 'Content-Length: 10')}abc`);
      await client.closedWithin(8000);
      expect(outcome).toBe('abc');
    });

    it('to take an answer are cut', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      let request: HttpRequest | undefined;
      const server = await bench.serve(async (incoming, response) => {
        request = incoming;
        response.start(200, []);
        for (let i = 0; i < 200 && !incoming.signal.aborted; i++) {
          if (!response.write(Buffer.alloc(256 * 1024))) await response.drained();
        }
      }, quick);
      const client = bench.client(server);
      client.pause();
      client.send(head('GET /'));
      await waitFor(() => request?.signal.aborted === true, 8000);
    });

    it('while the handler thinks are not cut', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      const server = await bench.serve(async (request, response) => {
        await pause(1200);
        answerPath(request, response);
      }, quick);
      expect((await bench.client(server).send(head('GET /thought')).response()).body.toString()).toBe('/thought');
    });

    it('but keep sending, however little, are served', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      const server = await bench.serve(answerLength);
      const bytes = Math.ceil(patienceMs / 1000);
      const client = bench.client(server).send(head('POST /', `Content-Length: ${bytes}`));
      for (let i = 0; i < bytes; i++) {
        client.send('x');
        await pause(1000);
      }
      expect((await client.response()).body.toString()).toBe(String(bytes));
    });

    it('because the handler reads late are served', async ({ onTestFinished }) => {
      const bench = engineBench(traits, onTestFinished);
      const server = await bench.serve(async (request, response) => {
        await pause(patienceMs);
        await answerLength(request, response);
      });
      const client = bench.client(server).send(head('POST /', 'Content-Length: 3000000')).send(Buffer.alloc(3_000_000));
      expect((await client.response('POST', 25_000)).body.toString()).toBe('3000000');
    });

    it.each(['/sized', '/chunked'])(
      'to read, but within the limit, get everything: %s',
      async (path) => {
        const body = Buffer.alloc(24 * 1024 * 1024, 'x');
        const server = await traits.open(
          { host: '127.0.0.1', port: 0 },
          (_request, response) => {
            response.start(200, [], path === '/sized' ? body.length : undefined);
            response.end(body);
          },
          silentLog,
        );
        const client = traits.connect?.(server.address.port) ?? new RawClient(server.address.port);
        try {
          client.pause();
          client.send(head(`GET ${path}`));
          await pause(patienceMs + 1000);
          client.resume();
          expect((await client.response('GET', 10_000)).body.length).toBe(body.length);
        } finally {
          client.destroy();
          await server.close(0);
        }
      },
      40_000,
    );
  });
}

const quick = { headTimeoutMs: 400, idleTimeoutMs: 400 };

async function refused(traits: EngineTraits, client: ContractClient, name: string): Promise<void> {
  await client.closedWithin(traits.headDeadlineMs).catch(() => {
    throw new Error(`left open: ${name}`);
  });
  const answer = client.received.toString('latin1');
  if (answer !== '') expect(answer, name).toMatch(/^HTTP\/1\.1 (4\d\d|505) /);
  expect(answer.split('HTTP/1.1 ').length, name).toBeLessThanOrEqual(2);
}

const answerLength: HttpHandler = async (request, response) => {
  let bytes = 0;
  for await (const part of request.body()) bytes += part.length;
  const body = Buffer.from(String(bytes));
  response.start(200, [], body.length);
  response.end(body);
};

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
