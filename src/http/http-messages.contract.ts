import { describe, expect, it } from 'vitest';
import { answerPath, type EngineTraits, engineBench, head } from './engine-bench.fixture.js';
import { valuesOf } from './raw-client.fixture.js';
import type { HttpRequest } from './server.js';

/** Heads in both directions, their framing on the wire, and several messages on one connection. */
export function messageContract(traits: EngineTraits): void {
  const bench = engineBench(traits);

  describe('requests', () => {
    it('hands over the head as it was sent, and keeps it while other requests come', async () => {
      const seen: HttpRequest[] = [];
      const addresses: string[] = [];
      const server = await bench.serve(async (request, response) => {
        seen.push(request);
        await new Promise((resolve) => setTimeout(resolve, 20));
        addresses.push(request.remoteAddress);
        response.start(200, [], 0);
        response.end();
      });
      const first = bench
        .client(server)
        .send(head('GET /a%20b/%2e?x=1&y', 'X-Twice: one', 'Accept:  text/plain ', 'x-twice: two'));
      const second = bench.client(server).send(head('DELETE /other', 'X-Other: 1'));
      await Promise.all([first.response(), second.response()]);
      const request = seen.find((one) => one.method === 'GET');
      expect(request?.path).toBe('/a%20b/%2e');
      expect(request?.query).toBe('x=1&y');
      // The client of the HTTP/2 tests sends the lines of one name together.
      const asSent = (lines: HttpRequest['headers'] = []) => (traits.protocol === 'h2' ? [...lines].sort() : lines);
      const sent = [
        ['host', 'test.example'],
        ['x-twice', 'one'],
        ['accept', 'text/plain'],
        ['x-twice', 'two'],
      ] as const;
      expect(asSent(request?.headers)).toEqual(asSent(sent));
      expect(request?.header('x-twice')).toBe('one, two');
      expect(request?.header('x-other')).toBeUndefined();
      expect(addresses).toEqual(['127.0.0.1', '127.0.0.1']);
      expect(request?.scheme).toBe(traits.scheme ?? 'http');
      expect(request?.protocol).toBe(traits.protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1');
      expect(request?.hasBody).toBe(false);
      expect(request?.signal.aborted).toBe(false);
    });

    it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('takes %s', async (method) => {
      const server = await bench.serve((request, response) => {
        response.start(200, [['x-method', request.method]], 0);
        response.end();
      });
      const response = await bench
        .client(server)
        .send(head(`${method} /`))
        .response(method);
      expect(valuesOf(response, 'x-method')).toEqual([method]);
    });

    it('tells no query from an empty one only by the path', async () => {
      const server = await bench.serve((request, response) => {
        response.start(200, [['x-query', `[${request.query}]`]], 0);
        response.end();
      });
      const client = bench.client(server);
      expect(valuesOf(await client.send(head('GET /p')).response(), 'x-query')).toEqual(['[]']);
      expect(valuesOf(await client.send(head('GET /p?')).response(), 'x-query')).toEqual(['[]']);
      expect(valuesOf(await client.send(head('GET /p?a?b')).response(), 'x-query')).toEqual(['[a?b]']);
    });
  });

  describe('response heads', () => {
    it('carry one Date, one Content-Length and the handler’s own lines, whatever the handler gave', async () => {
      const server = await bench.serve((_request, response) => {
        const lines: [string, string][] = [
          ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
          ['Content-Length', '99'],
          ['Connection', 'upgrade'],
          ['Transfer-Encoding', 'chunked'],
          ['Keep-Alive', 'timeout=1'],
          ['Age', '7'],
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Latin', 'caf\xe9'],
        ];
        response.start(200, lines, 5);
        response.end(Buffer.from('hello'));
      });
      const client = bench.client(server);
      const response = await client.send(head('GET /')).response();
      const dates = valuesOf(response, 'date');
      expect(dates).toHaveLength(1);
      expect(Math.abs(Date.parse(dates[0] ?? '') - Date.now())).toBeLessThan(60_000);
      expect(valuesOf(response, 'content-length')).toEqual(['5']);
      expect(valuesOf(response, 'transfer-encoding')).toEqual([]);
      expect(valuesOf(response, 'connection')).not.toContain('upgrade');
      expect(valuesOf(response, 'keep-alive')).not.toContain('timeout=1');
      expect(valuesOf(response, 'age')).toEqual(['7']);
      expect(valuesOf(response, 'set-cookie')).toEqual(['a=1', 'b=2']);
      expect(valuesOf(response, 'x-latin')).toEqual(['caf\xe9']);
      expect(valuesOf(response, 'uwebsockets')).toEqual([]);
      expect(response.body.toString()).toBe('hello');
      expect(client.received).toHaveLength(0);
    });

    it('keep the length where no body follows: HEAD, 304; and none with 204', async () => {
      const server = await bench.serve((request, response) => {
        const status = request.path === '/head' ? 200 : Number(request.path.slice(1));
        response.start(status, [['etag', '"e"']], 1234);
        if (request.path === '/head') response.write(Buffer.alloc(1234));
        response.end();
      });
      const client = bench.client(server);
      const toHead = await client.send(head('HEAD /head')).response('HEAD');
      expect([toHead.status, valuesOf(toHead, 'content-length')]).toEqual([200, ['1234']]);
      const notModified = await client.send(head('GET /304')).response();
      expect([notModified.status, valuesOf(notModified, 'content-length')]).toEqual([304, ['1234']]);
      const empty = await client.send(head('GET /204')).response();
      expect([empty.status, valuesOf(empty, 'content-length')]).toEqual([204, []]);
      for (const response of [toHead, notModified, empty]) expect(valuesOf(response, 'date')).toHaveLength(1);
      expect(client.received).toHaveLength(0);
    });

    it('that could be broken apart are never sent', async () => {
      const server = await bench.serve((request, response) => {
        response.start(200, [[request.path === '/name' ? 'x:y' : 'x', 'a\r\nset-cookie: stolen=1']], 0);
        response.end();
      });
      for (const path of ['/name', '/value']) {
        const response = await bench
          .client(server)
          .send(head(`GET ${path}`))
          .response();
        expect(response.status).toBe(500);
        expect(valuesOf(response, 'set-cookie')).toEqual([]);
      }
    });
  });

  it(`interim answers come before the final one (${traits.interim})`, async () => {
    const link = '</a.css>; rel=preload; as=style';
    const server = await bench.serve((request, response) => {
      if (request.path === '/bad') response.inform(103, [['link', 'a\r\nb: c']]);
      const sent = [response.inform(103, [['link', link]]), response.inform(199, [])];
      response.start(200, [['x-sent', sent.join()]], 0);
      response.end();
      expect(response.inform(103, [])).toBe(false);
      expect(() => response.inform(101, [])).toThrow('101 is not an interim status');
    });
    const client = bench.client(server).send(head('GET /'));
    if (traits.interim === 'sent') {
      const [early, odd] = [await client.response(), await client.response()];
      expect([early.status, valuesOf(early, 'link'), odd.status]).toEqual([103, [link], 199]);
    }
    const final = await client.response();
    expect([final.status, valuesOf(final, 'x-sent')]).toEqual([
      200,
      [traits.interim === 'sent' ? 'true,true' : 'false,false'],
    ]);
    if (traits.interim === 'sent') expect((await client.send(head('GET /bad')).response()).status).toBe(500);
  });

  describe('connections', () => {
    it('carry one request after another', async () => {
      const server = await bench.serve(answerPath);
      const client = bench.client(server);
      for (const path of ['/one', '/two', '/three']) {
        expect((await client.send(head(`GET ${path}`)).response()).body.toString()).toBe(path);
      }
    });

    it.skipIf(traits.answersLate)('answer pipelined requests in order', async () => {
      const server = await bench.serve(answerPath);
      const client = bench.client(server).send(head('GET /one') + head('GET /two') + head('GET /three'));
      for (const path of ['/one', '/two', '/three']) expect((await client.response()).body.toString()).toBe(path);
    });

    it(`never mix answers when pipelined requests are answered late (${traits.latePipelining})`, async () => {
      const server = await bench.serve(async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, request.path === '/one' ? 40 : 5));
        answerPath(request, response);
      });
      const client = bench.client(server).send(head('GET /one') + head('GET /two'));
      if (traits.latePipelining === 'cut') {
        await client.closed;
        expect(client.received).toHaveLength(0);
      } else {
        for (const path of ['/one', '/two']) expect((await client.response()).body.toString()).toBe(path);
      }
    });

    it.skipIf(traits.protocol === 'h2')('close after the answer when the client asks for it', async () => {
      const server = await bench.serve(answerPath);
      const client = bench.client(server).send(head('GET /last', 'Connection: close'));
      expect((await client.response()).body.toString()).toBe('/last');
      await client.closed;
    });
  });
}
