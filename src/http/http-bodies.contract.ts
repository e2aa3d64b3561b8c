import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answerPath, bodyOf, type EngineTraits, engineBench, head } from './engine-bench.fixture.js';
import { valuesOf, waitFor } from './raw-client.fixture.js';

/** More than the kernel's socket buffers hold on both sides of a loopback connection. */
const hugeBytes = 48 * 1024 * 1024;
const chunkBytes = 256 * 1024;
const heldBytesMax = 16 * 1024 * 1024;

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Waits until a number has stopped growing. */
async function plateau(read: () => number): Promise<number> {
  for (let before = -1, stable = 0; ; ) {
    const now = read();
    stable = now === before && now > 0 ? stable + 1 : 0;
    if (stable === 10) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Bodies in both directions, and that neither side can make the other hold them. */
export function bodyContract(traits: EngineTraits): void {
  const bench = engineBench(traits);

  describe('request bodies', () => {
    it('arrive whole, sized or chunked, however they are cut', async () => {
      const server = await bench.serve(async (request, response) => {
        const body = await bodyOf(request);
        response.start(200, [['x-has-body', String(request.hasBody)]], body.length);
        response.end(body);
      });
      const client = bench.client(server);
      const sized = await client.send(head('POST /', 'Content-Length: 11')).send('hello').send(' world').response();
      expect(sized.body.toString()).toBe('hello world');
      expect(valuesOf(sized, 'x-has-body')).toEqual(['true']);
      client.send(`${head('POST /', 'Transfer-Encoding: chunked')}5\r\nhel`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const chunked = await client.send('lo\r\n6\r\n world\r\n0\r\n\r\n').response();
      expect(chunked.body.toString()).toBe('hello world');
      const none = await client.send(head('POST /', 'Content-Length: 0')).response();
      expect([none.body.length, valuesOf(none, 'x-has-body')]).toEqual([0, ['false']]);
    });

    it('can be read later than they come', async () => {
      const server = await bench.serve(async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const body = await bodyOf(request);
        response.start(200, [], body.length);
        response.end(body);
      });
      const response = await bench
        .client(server)
        .send(`${head('POST /', 'Content-Length: 3')}abc`)
        .response();
      expect(response.body.toString()).toBe('abc');
    });

    it('wait in the client while the handler does not read', async () => {
      let read = () => {};
      const mayRead = new Promise<void>((resolve) => {
        read = resolve;
      });
      const server = await bench.serve(async (request, response) => {
        await mayRead;
        const hash = createHash('sha256');
        for await (const part of request.body()) hash.update(part);
        const digest = Buffer.from(hash.digest('hex'));
        response.start(200, [], digest.length);
        response.end(digest);
      });
      const body = randomBytes(hugeBytes);
      const client = bench.client(server).send(head('PUT /', `Content-Length: ${hugeBytes}`));
      let sent = 0;
      const pump = () => {
        while (sent < hugeBytes) {
          const at = sent;
          sent += chunkBytes;
          if (!client.write(body.subarray(at, sent), pump)) return;
        }
      };
      pump();
      expect(await plateau(() => sent)).toBeLessThan(heldBytesMax);
      read();
      expect((await client.response('PUT', 20_000)).body.toString()).toBe(sha(body));
    });

    it('that nobody reads do not stop the next request', async () => {
      const server = await bench.serve(answerPath);
      const client = bench
        .client(server)
        .send(head('POST /unread', `Content-Length: 300000`))
        .send(Buffer.alloc(300_000));
      expect((await client.response()).body.toString()).toBe('/unread');
      expect((await client.send(head('GET /next')).response()).body.toString()).toBe('/next');
    });

    it('that were held back when the answer came do not stop the next request', async () => {
      const server = await bench.serve(async (request, response) => {
        if (request.hasBody) {
          for await (const _part of request.body()) break;
          // Long enough for more to arrive than is held, so that the client is paused when the answer goes.
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        answerPath(request, response);
      });
      const client = bench
        .client(server)
        .send(head('POST /full', 'Content-Length: 900000'))
        .send(Buffer.alloc(900_000));
      expect((await client.response()).body.toString()).toBe('/full');
      expect((await client.send(head('GET /next')).response()).body.toString()).toBe('/next');
    });

    it('can be left in the middle', async () => {
      const server = await bench.serve(async (request, response) => {
        for await (const _part of request.body()) break;
        answerPath(request, response);
      });
      const client = bench
        .client(server)
        .send(head('POST /left', 'Content-Length: 200000'))
        .send(Buffer.alloc(100_000));
      expect((await client.response()).body.toString()).toBe('/left');
      client.send(Buffer.alloc(100_000));
      expect((await client.send(head('GET /next')).response()).body.toString()).toBe('/next');
    });

    it('that break off make the reader throw', async () => {
      let [came, outcome] = ['', ''];
      const server = await bench.serve(async (request) => {
        try {
          for await (const part of request.body()) came += part;
          outcome = 'whole';
        } catch {
          outcome = request.signal.aborted ? 'broken off' : 'threw';
        }
      });
      const client = bench.client(server).send(head('POST /', 'Content-Length: 10')).send('abc');
      await waitFor(() => came === 'abc');
      client.destroy();
      await waitFor(() => outcome !== '');
      expect(outcome).toBe('broken off');
    });
  });

  describe('response bodies', () => {
    it('come sized or chunked, in one piece or several', async () => {
      const server = await bench.serve((request, response) => {
        const parts = ['one ', 'two ', 'three'].map((text) => Buffer.from(text));
        response.start(200, [], request.path === '/sized' ? 13 : undefined);
        if (request.path === '/single') return response.end(Buffer.concat(parts));
        for (const part of parts) response.write(part);
        response.write(Buffer.alloc(0));
        response.end();
      });
      const client = bench.client(server);
      for (const path of ['/sized', '/chunked', '/single']) {
        const response = await client.send(head(`GET ${path}`)).response();
        expect(response.body.toString()).toBe('one two three');
        expect(valuesOf(response, 'content-length')).toEqual(path === '/sized' ? ['13'] : []);
      }
    });

    it('may be empty, sized or chunked', async () => {
      const server = await bench.serve((request, response) => {
        response.start(200, [], request.path === '/sized' ? 0 : undefined);
        response.end();
      });
      const client = bench.client(server);
      expect((await client.send(head('GET /sized')).response()).body).toHaveLength(0);
      expect((await client.send(head('GET /chunked')).response()).body).toHaveLength(0);
      expect(client.received).toHaveLength(0);
    });

    it('may be views on shared memory', async () => {
      const shared = new Uint8Array(new SharedArrayBuffer(1024 * 1024));
      for (let i = 0; i < shared.length; i++) shared[i] = i % 251;
      const view = shared.subarray(1000, 901_000);
      const server = await bench.serve((request, response) => {
        response.start(200, [], request.path === '/sized' ? view.length : undefined);
        response.end(view);
      });
      const client = bench.client(server);
      for (const path of ['/sized', '/chunked']) {
        expect(sha((await client.send(head(`GET ${path}`)).response()).body)).toBe(sha(Buffer.from(view)));
      }
    });

    it.each(['/sized', '/chunked'])('wait in the handler while the client does not read: %s', async (path) => {
      const body = randomBytes(hugeBytes);
      let written = 0;
      const server = await bench.serve(async (request, response) => {
        response.start(200, [], request.path === '/sized' ? hugeBytes : undefined);
        while (written < hugeBytes) {
          const roomLeft = response.write(body.subarray(written, written + chunkBytes));
          written += chunkBytes;
          if (!roomLeft) await response.drained();
        }
        response.end();
      });
      const client = bench.client(server);
      client.pause();
      client.send(head(`GET ${path}`));
      expect(await plateau(() => written)).toBeLessThan(heldBytesMax);
      client.resume();
      await waitFor(() => written >= hugeBytes, 20_000);
      expect(sha((await client.response('GET', 20_000)).body)).toBe(sha(body));
    });

    it.each(['/sized', '/chunked'])('in one huge piece come whole, and drained says when: %s', async (path) => {
      const body = randomBytes(hugeBytes);
      let sent = false;
      const server = await bench.serve(async (request, response) => {
        response.start(200, [], request.path === '/sized' ? hugeBytes : undefined);
        response.end(body);
        await response.drained();
        sent = true;
      });
      const client = bench.client(server);
      client.pause();
      client.send(head(`GET ${path}`));
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(sent).toBe(false);
      client.resume();
      await waitFor(() => sent, 20_000);
      expect(sha((await client.response('GET', 20_000)).body)).toBe(sha(body));
    });

    it.each(['/sized', '/chunked'])(
      'in pieces of all sizes come whole to a client that stops and goes: %s',
      async (path) => {
        const body = randomBytes(6 * 1024 * 1024);
        const server = await bench.serve(async (request, response) => {
          response.start(200, [], request.path === '/sized' ? body.length : undefined);
          for (let at = 0, piece = 1; at < body.length; at += piece, piece = (piece * 7 + 11) % 150_001) {
            if (!response.write(body.subarray(at, at + piece))) await response.drained();
          }
          response.end();
        });
        const client = bench.client(server).send(head(`GET ${path}`));
        for (let stops = 0; stops < 8; stops++) {
          client.pause();
          await new Promise((resolve) => setTimeout(resolve, 30));
          client.resume();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(sha((await client.response('GET', 20_000)).body)).toBe(sha(body));
      },
    );

    it('reach a slow reader even when nothing more is written', async () => {
      const body = randomBytes(12 * 1024 * 1024);
      let release = () => {};
      // Made before the handler waits for it: the client may have everything before the handler hears that it was taken.
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const server = await bench.serve(async (_request, response) => {
        response.start(200, []);
        response.write(body);
        await response.drained();
        await released;
        response.end();
      });
      const client = bench.client(server);
      client.pause();
      client.send(head('GET /'));
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.resume();
      // The whole body and its framing arrive before the handler ends the response.
      await waitFor(() => client.received.length > body.length, 20_000);
      release();
      expect(sha((await client.response()).body)).toBe(sha(body));
    });
  });
}
