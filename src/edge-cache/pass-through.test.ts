import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientRequest, type RequestListener, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { headOf, mebibyte, openScene, readAnswer, type Scene, type SceneOptions, until } from './edge.fixture.js';

const echo: RequestListener = async (incoming, outgoing) => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of incoming) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  outgoing.end(JSON.stringify({ bytes, hash: hash.digest('hex'), headers: incoming.headers, method: incoming.method }));
};

/** What two loopback connections may hold in the kernel: that is not ours. */
function kernelBytesMax(): number {
  const max = (name: string) => Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/)[2]);
  return 2 * (max('tcp_rmem') + max('tcp_wmem'));
}

/** Writes until `total` bytes are taken; the count shows how far it got. */
function pour(into: NodeJS.WritableStream, total: number, poured: { bytes: number }): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const more = () => {
    while (poured.bytes < total) {
      poured.bytes += chunk.length;
      if (!into.write(chunk)) return void into.once('drain', more);
    }
    into.end();
  };
  more();
}

/** Resolves once the count has stood still for a while. */
async function standsStill(poured: { bytes: number }): Promise<void> {
  for (let before = -1; before !== poured.bytes; ) {
    before = poured.bytes;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

describe.each(['node', 'uws', 'uws-threads'] as const)('the pass-through behind the %s engine', (engine) => {
  let scene: Scene;
  const open = async (options: Omit<SceneOptions, 'engine'>): Promise<Scene> => {
    scene = await openScene({ engine, ...options });
    return scene;
  };
  const upload = (path: string, headers: Record<string, string | number>): ClientRequest => {
    const { port } = scene;
    const sent = request({ host: '127.0.0.1', port, path, method: 'PATCH', headers, agent: false });
    sent.on('error', () => undefined);
    return sent;
  };
  afterEach(() => scene.close());

  it.each([
    ['POST', 'a body'],
    ['PATCH', 'another'],
    ['PUT', ''],
    ['DELETE', undefined],
    ['GET', undefined],
  ])('carries %s with its body, length and query', async (method, body) => {
    const { api, ask } = await open({ apiSays: echo });
    const answer = await ask('/v1/videos/v_1?b=2&a=1', { method, ...(body === undefined ? {} : { body }) });
    expect(api.asked).toEqual([`${method} /v1/videos/v_1?b=2&a=1`]);
    expect(answer).toMatchObject({ status: 200, cacheStatus: 'Headwater; fwd=bypass; fwd-status=200' });
    expect(JSON.parse(answer.body)).toMatchObject({ method, bytes: body?.length ?? 0 });
    if (body) expect(JSON.parse(answer.body).headers['content-length']).toBe(String(body.length));
  });

  it('says where the request came from, whatever the client says, and drops what is for one hop', async () => {
    const { api, ask, port } = await open({ apiSays: echo });
    const answer = await ask('/v1/x', {
      headers: {
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil.example',
        forwarded: 'for=6.6.6.6',
        connection: 'close, x-hop',
        'x-hop': '1',
        te: 'trailers',
        via: '1.0 fred',
        authorization: 'Bearer t',
        cookie: 'a=1',
        host: `box.example:${port}`,
      },
    });
    const { headers } = JSON.parse(answer.body);
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `box.example:${port}`,
      host: api.url.host,
      via: '1.0 fred, 1.1 headwater',
      authorization: 'Bearer t',
      cookie: 'a=1',
    });
    for (const name of ['forwarded', 'x-hop', 'te']) expect(headers[name], name).toBeUndefined();
  });

  it('hands back status, repeated fields and odd bytes as they came, without what is for one hop', async () => {
    const { ask } = await open({
      apiSays: (_request, response) => {
        response.writeHead(201, [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['Location', '/v1/videos/upload/v_1'],
          ['X-Name', Buffer.from('caf\xe9', 'latin1').toString('latin1')],
          ['Connection', 'x-hop, close'],
          ['X-Hop', '1'],
        ]);
        response.end();
      },
    });
    const { status, headers } = await ask('/v1/x', { method: 'POST' });
    expect(status).toBe(201);
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(headers.location).toBe('/v1/videos/upload/v_1');
    expect(headers['x-hop']).toBeUndefined();
  });

  it.each([204, 304])('hands back %i, which has no body', async (status) => {
    const { ask } = await open({ apiSays: (_request, response) => response.writeHead(status, { etag: '"x"' }).end() });
    expect(await ask('/v1/x')).toMatchObject({ status, body: '', headers: { etag: '"x"' } });
    expect(await ask('/v1/x')).toMatchObject({ status });
  });

  it('answers HEAD with the length that a GET would have', async () => {
    const { ask } = await open({
      apiSays: (_request, response) => response.writeHead(200, { 'content-length': 77 }).end(),
    });
    const answer = await ask('/v1/x', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '77' } });
  });

  it('streams an answer as it comes', async () => {
    let write = (_bytes: string): void => undefined;
    const { open: openRequest } = await open({
      apiSays: (_request, response) => {
        write = (bytes) => response.write(bytes);
        response.write('first ');
      },
    });
    const incoming = await headOf(openRequest('/v1/events'));
    expect(String(await once(incoming, 'data'))).toBe('first ');
    write('second');
    expect(String(await once(incoming, 'data'))).toBe('second');
  });

  it('carries an upload of 64 MiB unharmed', async () => {
    await open({ apiSays: echo });
    const total = 64 * mebibyte;
    const sent = upload('/v1/videos/upload/v_1', { 'content-length': total });
    pour(sent, total, { bytes: 0 });
    const { body } = await readAnswer(sent);
    const hash = createHash('sha256').update(Buffer.alloc(total, 'x')).digest('hex');
    expect(JSON.parse(body)).toMatchObject({ bytes: total, hash });
  });

  it('takes no more of an upload than the upstream does', async () => {
    const seen = { bytes: 0 };
    const { api } = await open({
      apiSays: (incoming, outgoing) => {
        incoming.once('data', (chunk: Buffer) => {
          seen.bytes += chunk.length;
          incoming.pause();
        });
        outgoing.on('error', () => undefined);
      },
    });
    const poured = { bytes: 0 };
    const sent = upload('/v1/videos/upload/v_1', { 'content-length': 64 * mebibyte });
    pour(sent, 64 * mebibyte, poured);
    await until(() => api.asked.length === 1, 'the upload begins');
    await standsStill(poured);
    // One mebibyte here, and what Node holds at either end beside the kernel.
    expect(poured.bytes - seen.bytes).toBeLessThan(kernelBytesMax() + 2 * mebibyte);
    sent.destroy();
  });

  it('takes no more of an answer than a slow client does', async () => {
    const poured = { bytes: 0 };
    const { open: openRequest } = await open({
      apiSays: (_request, response) => pour(response, 64 * mebibyte, poured),
    });
    const sent = openRequest('/v1/export');
    const incoming = await headOf(sent);
    incoming.pause();
    await standsStill(poured);
    expect(poured.bytes).toBeLessThan(kernelBytesMax() + 2 * mebibyte);
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    incoming.resume();
    await once(incoming, 'end');
    expect(bytes).toBe(64 * mebibyte);
  });

  it('hands on an answer that comes before the body is read', async () => {
    await open({
      apiSays: (_request, response) => response.writeHead(413, { 'content-length': 9 }).end('too large'),
    });
    const sent = upload('/v1/videos/upload', { 'content-length': 512 * mebibyte });
    sent.write(Buffer.alloc(64 * 1024));
    const incoming = await headOf(sent);
    expect(incoming.statusCode).toBe(413);
    expect(String(await once(incoming, 'data'))).toBe('too large');
    sent.destroy();
  });

  it('lets a client that waits for 100 Continue send its body', async () => {
    const { port } = await open({ apiSays: echo });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    );
    // As RFC 9110 §10.1.1 asks of clients: wait a while for the 100, then send.
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('hello');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toContain('"bytes":5');
    expect(text).not.toContain('"expect"');
  });

  it('cancels upstream when the client leaves in the middle of its body', async () => {
    let broken = false;
    const { api } = await open({
      apiSays: (incoming) => {
        incoming.on('error', () => {
          broken = true;
        });
        incoming.resume();
      },
    });
    const sent = upload('/v1/videos/upload/v_1', { 'content-length': 1000 });
    sent.write('some');
    await until(() => api.asked.length === 1, 'the upload begins');
    sent.destroy();
    await until(() => broken, 'the upstream sees the break');
  });

  it('cancels upstream when the client leaves in the middle of the answer', async () => {
    let closed = false;
    const { open: openRequest } = await open({
      apiSays: (_request, response) => {
        response.write('begin');
        response.on('close', () => {
          closed = true;
        });
      },
    });
    const sent = openRequest('/v1/events');
    await headOf(sent);
    sent.destroy();
    await until(() => closed, 'the upstream sees the break');
  });

  it('cuts the client when the upstream breaks off', async () => {
    const { ask } = await open({
      apiSays: (_request, response) => {
        response.write('begin');
        setTimeout(() => response.destroy(), 50);
      },
    });
    await expect(ask('/v1/export')).rejects.toThrow();
  });

  it('answers 504 when the upstream never answers a whole upload', async () => {
    const { ask } = await open({ apiSays: (incoming) => void incoming.resume(), apiLimits: { headMs: 200 } });
    expect((await ask('/v1/x', { method: 'POST', body: 'all of it' })).status).toBe(504);
  });

  it('answers 504 when the upstream stops taking an upload', async () => {
    await open({ apiSays: () => undefined, apiLimits: { bodyMs: 300, headMs: 300 } });
    const sent = upload('/v1/x', { 'content-length': 64 * mebibyte });
    pour(sent, 64 * mebibyte, { bytes: 0 });
    expect((await headOf(sent)).statusCode).toBe(504);
    sent.destroy();
  });

  it('lets an upload take longer than the deadline for heads', async () => {
    await open({ apiSays: echo, apiLimits: { headMs: 100, bodyMs: 1000 } });
    const sent = upload('/v1/x', { 'content-length': 4 });
    const answered = readAnswer(sent);
    for (const byte of 'slow') {
      sent.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    sent.end();
    const { status, body } = await answered;
    expect([status, JSON.parse(body).bytes]).toEqual([200, 4]);
  });

  it('refuses methods that would make it a tunnel or an echo', async () => {
    const { api, ask } = await open({ apiSays: echo });
    expect(await ask('/v1/x', { method: 'TRACE' })).toMatchObject({ status: 405 });
    expect(api.asked).toEqual([]);
  });
});
