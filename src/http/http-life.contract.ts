import { Agent, fetch } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerPath, bodyOf, type EngineTraits, engineBench, head } from './engine-bench.fixture.js';
import { valuesOf, waitFor } from './raw-client.fixture.js';
import type { HttpRequest } from './server.js';

/** Ends that were not planned: clients that leave, handlers that fail, servers that close. */
export function lifeContract(traits: EngineTraits): void {
  const bench = engineBench(traits);

  describe('a client that leaves', () => {
    it('fires the signal of a request that waits, once', async () => {
      let request: HttpRequest | undefined;
      let fired = 0;
      const server = await bench.serve((incoming) => {
        request = incoming;
        incoming.signal.addEventListener('abort', () => fired++);
      });
      const client = bench.client(server).send(head('GET /wait'));
      await waitFor(() => request !== undefined);
      client.destroy();
      await waitFor(() => fired > 0);
      expect([fired, request?.signal.aborted]).toEqual([1, true]);
    });

    it('is told to whoever asked without a signal, once, and at once to who asks later', async () => {
      let request: HttpRequest | undefined;
      let told = 0;
      const server = await bench.serve((incoming) => {
        request = incoming;
        incoming.onGone(() => told++);
        incoming.onGone(() => told++);
      });
      const client = bench.client(server).send(head('GET /wait'));
      await waitFor(() => request !== undefined);
      expect([told, request?.gone]).toEqual([0, false]);
      client.destroy();
      await waitFor(() => told > 0);
      request?.onGone(() => told++);
      expect([told, request?.gone]).toEqual([3, true]);
    });

    it('frees a handler that waits to write more, and later writes do nothing', async () => {
      let after = '';
      const server = await bench.serve(async (request, response) => {
        response.start(200, []);
        for (let writes = 0; writes < 256 && !request.gone; writes++) {
          if (!response.write(Buffer.alloc(256 * 1024))) await response.drained();
        }
        response.write(Buffer.from('more'));
        response.end();
        response.abort();
        await response.drained();
        after = request.signal.aborted ? 'gone' : 'there';
      });
      const client = bench.client(server);
      client.pause();
      client.send(head('GET /'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.destroy();
      await waitFor(() => after !== '');
      expect(after).toBe('gone');
    });

    it('is nothing to requests that were answered', async () => {
      let request: HttpRequest | undefined;
      let told = 0;
      const server = await bench.serve((incoming, response) => {
        request = incoming;
        incoming.onGone(() => told++);
        answerPath(incoming, response);
      });
      const client = bench.client(server).send(head('GET /done'));
      await client.response();
      client.destroy();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([request?.signal.aborted, request?.gone, told]).toEqual([false, false, 0]);
    });
  });

  describe('a response that is aborted', () => {
    it.each(['/before', '/sized', '/chunked'])('is seen as incomplete: %s', async (path) => {
      let request: HttpRequest | undefined;
      const server = await bench.serve((incoming, response) => {
        request = incoming;
        if (path === '/before') return response.abort();
        response.start(200, [], path === '/sized' ? 100 : undefined);
        response.write(Buffer.from('part'));
        setTimeout(() => response.abort(), 30);
      });
      const client = bench.client(server).send(head(`GET ${path}`));
      await expect(client.response()).rejects.toThrow('closed before a whole response');
      expect(request?.signal.aborted).toBe(true);
      if (path !== '/before') expect(client.received.toString()).toContain('part');
    });

    it('is cut when fewer bytes came than were announced', async () => {
      const server = await bench.serve((_request, response) => {
        response.start(200, [], 100);
        response.write(Buffer.from('short'));
        response.end();
      });
      await expect(bench.client(server).send(head('GET /')).response()).rejects.toThrow('closed before');
    });

    it('is cut when more bytes come than were announced', async () => {
      const server = await bench.serve((_request, response) => {
        response.start(200, [], 4);
        response.write(Buffer.from('abc'));
        response.end(Buffer.from('def'));
      });
      await expect(bench.client(server).send(head('GET /')).response()).rejects.toThrow('closed before');
    });
  });

  describe('a handler that throws', () => {
    it.each(['/now', '/later'])('is answered with one problem document: %s', async (path) => {
      const server = await bench.serve((request, response) => {
        if (request.path === '/fine') return answerPath(request, response);
        if (path === '/now') throw new Error('secret');
        return Promise.reject(new Error('secret'));
      });
      const client = bench.client(server);
      const response = await client.send(head(`GET ${path}`)).response();
      expect(response.status).toBe(500);
      expect(valuesOf(response, 'content-type')).toEqual(['application/problem+json']);
      expect(JSON.parse(response.body.toString())).toMatchObject({ status: 500, title: 'Internal Server Error' });
      expect(response.body.toString()).not.toContain('secret');
      expect((await client.send(head('GET /fine')).response()).status).toBe(200);
    });

    it('after its answer began cuts the connection', async () => {
      const server = await bench.serve(async (_request, response) => {
        response.start(200, []);
        response.write(Buffer.from('part'));
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new Error('too late');
      });
      await expect(bench.client(server).send(head('GET /')).response()).rejects.toThrow('closed before');
    });
  });

  describe('a server', () => {
    it('says where it listens, and serves an ordinary client there', async () => {
      const server = await bench.serve(async (request, response) => {
        const body = await bodyOf(request);
        response.start(200, [], body.length);
        response.end(body);
      });
      expect(server.engine).toBe(traits.engine);
      expect(server.address.host).toBe('127.0.0.1');
      const url = `${traits.scheme ?? 'http'}://127.0.0.1:${server.address.port}/`;
      const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
      onTestFinished(() => dispatcher.destroy());
      expect(await (await fetch(url, { method: 'POST', body: 'ping', dispatcher })).text()).toBe('ping');
    });

    it('says so when the port is in use, and how to find who uses it', async () => {
      const server = await bench.serve(answerPath);
      const second = bench.serve(answerPath, { port: server.address.port });
      await expect(second).rejects.toMatchObject({
        code: 'http.address-in-use',
        hint: expect.stringContaining('ss -ltnp'),
      });
      expect((await bench.client(server).send(head('GET /still')).response()).status).toBe(200);
    });

    it('says so when the address is not this machine’s', async () => {
      await expect(bench.serve(answerPath, { host: '192.0.2.1' })).rejects.toMatchObject({
        code: 'http.address-unknown',
      });
    });

    it('lets requests in flight finish when it closes, and takes no new connection', async () => {
      let answer: (() => void) | undefined;
      const server = await bench.serve(async (request, response) => {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        answerPath(request, response);
      });
      const idle = bench.client(server);
      const client = bench.client(server).send(head('GET /inflight'));
      await waitFor(() => answer !== undefined);
      const closing = server.close(10_000);
      const late = bench.client(server).send(head('GET /late'));
      await late.closed;
      expect(late.received).toHaveLength(0);
      answer?.();
      expect((await client.response()).body.toString()).toBe('/inflight');
      await closing;
      await Promise.all([client.closed, idle.closed]);
    });

    it('cuts what does not finish in time', async () => {
      let request: HttpRequest | undefined;
      const server = await bench.serve((incoming) => {
        request = incoming;
      });
      const client = bench.client(server).send(head('GET /never'));
      await waitFor(() => request !== undefined);
      await server.close(50);
      await client.closed;
      expect(request?.signal.aborted).toBe(true);
      await server.close(50);
    });
  });
}
