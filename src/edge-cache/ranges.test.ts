import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, gate, headOf, openScene, type Scene, type SceneOptions, until } from './edge.fixture.js';

/** Several ranges at once, and bodies that are too large to be kept whole: 10 kB, where 1,000 bytes may be kept. */

const whole = Buffer.from(Array.from({ length: 10_000 }, (_unused, at) => at % 251));
const other = Buffer.from(Array.from({ length: 10_000 }, (_unused, at) => (at + 7) % 241));
const etag = '"one"';

interface Served {
  readonly body: Buffer;
  readonly etag: string;
  readonly headers?: Record<string, string>;
  readonly now?: number;
}

/** A server as one finds it, that knows single ranges and If-Range. */
function says(served: () => Served): RequestListener {
  return (request, response) => {
    const { body, etag: tag, headers, now = Date.now() } = served();
    const date = new Date(now).toUTCString();
    const head = {
      date,
      etag: tag,
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=60',
      'content-type': 'a/b',
      ...headers,
    };
    if (request.headers['if-none-match'] === tag) return response.writeHead(304, head).end();
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const ifRange = request.headers['if-range'];
    if (!match || (ifRange !== undefined && ifRange !== tag)) {
      return response.writeHead(200, { ...head, 'content-length': body.length }).end(body);
    }
    const [first, last] = [Number(match[1]), Math.min(Number(match[2]), body.length - 1)];
    const place = { 'content-range': `bytes ${first}-${last}/${body.length}`, 'content-length': last - first + 1 };
    return response.writeHead(206, { ...head, ...place }).end(body.subarray(first, last + 1));
  };
}

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

/** The parts of a multipart/byteranges answer, as `Content-Range → bytes`. */
function partsOf({ headers, body }: Answer): Record<string, string> {
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '')?.[1] ?? 'none';
  const [before, ...parts] = `\r\n${body}`.split(`\r\n--${boundary}`);
  expect([before, parts.pop()]).toEqual(['', '--\r\n']);
  return Object.fromEntries(
    parts.map((part) => {
      const [, place = '', bytes = ''] =
        /^\r\nContent-Type: a\/b\r\nContent-Range: bytes (\S+)\r\n\r\n(.*)$/s.exec(part) ?? [];
      return [place, bytes];
    }),
  );
}

describe.each(['node', 'uws', 'uws-threads'] as const)('behind the %s engine', (engine) => {
  let scene: Scene;
  let served: Served;
  const open = async (options: Omit<SceneOptions, 'engine'> = {}): Promise<void> => {
    served = { body: whole, etag };
    scene = await openScene({
      engine,
      objectBytesMax: 1000,
      originSays: says(() => ({ ...served, now: scene.clock.now })),
      ...options,
    });
  };
  afterEach(() => scene.close());
  const range = (value: string, more: Record<string, string> = {}) =>
    scene.ask('/film', { headers: { range: value, ...more } });
  const rangesAsked = () => scene.origin.requests.map(({ headers }) => headers.range ?? 'whole');

  it('answers several ranges in one multipart body (RFC 9110 §14.6), from memory or while it comes', async () => {
    await open({ objectBytesMax: 20_000 });
    for (const from of ['the origin', 'memory']) {
      const answer = await range('bytes=9000-9004,0-2,-3');
      expect(answer.status, from).toBe(206);
      expect(answer.headers['content-range']).toBeUndefined();
      expect(Number(answer.headers['content-length'])).toBe(answer.body.length);
      expect(partsOf(answer)).toEqual({
        '9000-9004/10000': latin1(whole.subarray(9000, 9005)),
        '0-2/10000': latin1(whole.subarray(0, 3)),
        '9997-9999/10000': latin1(whole.subarray(9997)),
      });
    }
    expect(scene.origin.asked).toHaveLength(1);
    expect((await range('bytes=20000-,30000-')).status).toBe(416);
    expect((await range('bytes=0-1,20000-')).headers['content-range']).toBe('bytes 0-1/10000');
  });

  it('keeps a large body in aligned blocks, and answers ranges and the whole from them', async () => {
    await open();
    const first = await range('bytes=1500-2499');
    expect([first.status, first.body]).toEqual([206, latin1(whole.subarray(1500, 2500))]);
    expect(first.headers['content-range']).toBe('bytes 1500-2499/10000');
    expect(first.headers['content-type']).toBe('a/b');
    expect(rangesAsked()).toEqual(['whole', 'bytes=1000-1999', 'bytes=2000-2999']);
    const again = await range('bytes=1999-2000');
    expect([again.body, again.cacheStatus]).toEqual([
      latin1(whole.subarray(1999, 2001)),
      'Headwater; hit; ttl=60; detail=block',
    ]);
    expect(scene.origin.asked).toHaveLength(3);
    const all = await scene.ask('/film');
    expect([all.status, all.headers['content-length'], digest(all.body)]).toEqual([
      200,
      '10000',
      digest(latin1(whole)),
    ]);
    expect(scene.origin.asked).toHaveLength(3 + 8);
    expect((await range('bytes=-1')).body).toBe(latin1(whole.subarray(-1)));
    expect(partsOf(await range('bytes=1-2,5-6'))).toEqual({
      '1-2/10000': latin1(whole.subarray(1, 3)),
      '5-6/10000': latin1(whole.subarray(5, 7)),
    });
    expect((await range('bytes=10000-')).headers['content-range']).toBe('bytes */10000');
    expect((await range('bytes=0-1', { 'if-range': '"two"' })).status).toBe(200);
    expect((await range('bytes=0-1', { 'if-none-match': etag })).status).toBe(304);
    expect(scene.origin.asked).toHaveLength(3 + 8);
  });

  it('streams the whole to whoever finds out that it is large, and asks once for each block for all others', async () => {
    await open();
    const { opened, open: letGo } = gate();
    const { says: answered } = scene.origin;
    scene.origin.says = (...exchange) => void opened.then(() => answered(...exchange));
    const answers = Array.from({ length: 20 }, () => scene.ask('/film'));
    await until(() => scene.received.count === 20, 'all have asked');
    letGo();
    const digests = (await Promise.all(answers)).map(({ body }) => digest(body));
    expect(new Set(digests)).toEqual(new Set([digest(latin1(whole))]));
    expect(scene.origin.asked).toHaveLength(11);
  });

  it('confirms a block that is stale, and no other', async () => {
    await open();
    await range('bytes=0-1');
    scene.clock.now += 61_000;
    expect((await range('bytes=1-2')).cacheStatus).toBe('Headwater; fwd=stale; fwd-status=304; ttl=60; detail=block');
    expect((await range('bytes=1-2')).cacheStatus).toMatch(/^Headwater; hit/);
    expect(scene.origin.asked).toHaveLength(3);
  });

  it('never mixes two versions: a body that has changed is served anew', async () => {
    await open();
    await range('bytes=0-1');
    served = { body: other, etag: '"two"' };
    const answer = await range('bytes=5000-5001');
    expect([answer.status, answer.body]).toEqual([206, latin1(other.subarray(5000, 5002))]);
    expect((await range('bytes=0-1')).body).toBe(latin1(other.subarray(0, 2)));
  });

  it('cuts the answer when the body changes in the middle of it', async () => {
    await open();
    await range('bytes=0-1');
    const { says: answered } = scene.origin;
    scene.origin.says = (request, response) => {
      if (request.headers.range === 'bytes=4000-4999') served = { body: other, etag: '"two"' };
      answered(request, response);
    };
    await expect(scene.ask('/film')).rejects.toThrow();
    expect(digest((await scene.ask('/film')).body)).toBe(digest(latin1(other)));
  });

  it('goes on in the middle of a block that breaks off', async () => {
    await open();
    await range('bytes=0-1');
    const { says: answered } = scene.origin;
    scene.origin.says = (request, response) => {
      if (request.headers.range !== 'bytes=5000-5999') return answered(request, response);
      const cutShort = (body: Buffer) => response.write(body.subarray(0, 400), () => response.destroy());
      return answered(request, Object.assign(response, { end: cutShort }));
    };
    expect((await range('bytes=5200-5899')).body).toBe(latin1(whole.subarray(5200, 5900)));
    expect(rangesAsked()).toEqual(['whole', 'bytes=0-999', 'bytes=5000-5999', 'bytes=5400-5999']);
    expect((await range('bytes=5000-5999')).cacheStatus).toMatch(/^Headwater; hit/);
  });

  it.each([
    ['lies about the place', { 'content-range': 'bytes 0-1/2' }],
    ['lies about the tag', { etag: '"three"' }],
  ])('does not believe an origin that %s of a block', async (_, lie) => {
    await open();
    await range('bytes=0-1');
    const { says: answered } = scene.origin;
    scene.origin.says = (request, response) => {
      const { writeHead } = response;
      const lying = (status: number, head: object) => writeHead.call(response, status, { ...head, ...lie });
      if (request.headers['if-range'] !== undefined) response.writeHead = lying as typeof writeHead;
      answered(request, response);
    };
    expect((await range('bytes=5000-5001')).body).toBe(latin1(whole.subarray(5000, 5002)));
  });

  it('asks for the rest alone where memory has no room, and nobody sees a difference', async () => {
    await open({ memoryBytes: 3000 });
    const slow = Array.from({ length: 8 }, () => scene.open('/film'));
    const heads = await Promise.all(slow.map(headOf));
    const bodies = await Promise.all(
      heads.map(async (head) => {
        const chunks: Buffer[] = [];
        for await (const chunk of head) chunks.push(chunk as Buffer);
        return digest(latin1(Buffer.concat(chunks)));
      }),
    );
    expect(new Set(bodies)).toEqual(new Set([digest(latin1(whole))]));
  });

  it.each([
    ['a weak tag', { etag: 'W/"one"' }],
    ['no ranges', { 'accept-ranges': 'none' }],
    ['no lifetime and no leave to keep it', { 'cache-control': 'no-store' }],
  ] as const)('streams what has %s, to each on its own', async (_, headers: Record<string, string>) => {
    await open();
    served = { body: whole, etag, headers };
    for (let times = 0; times < 2; times += 1) {
      expect((await scene.ask('/film')).body).toBe(latin1(whole));
    }
    expect(rangesAsked()).toEqual(['whole', 'whole']);
  });

  it('passes the failure on where the origin fails, and serves a stale block where it may', async () => {
    await open();
    served = { body: whole, etag, headers: { 'cache-control': 'max-age=60, stale-if-error=600' } };
    await range('bytes=0-1');
    scene.origin.says = (_request, response) => response.writeHead(503).end('down');
    scene.clock.now += 100_000;
    expect((await range('bytes=0-1')).cacheStatus).toMatch(/fwd=stale; ttl=-40; detail=stale-if-error$/);
    expect((await range('bytes=5000-5001')).status).toBe(503);
  });

  it('forgets its blocks with the address (RFC 9111 §4.4)', async () => {
    await open();
    await range('bytes=0-1');
    await scene.ask('/film', { method: 'PUT', body: 'x' });
    served = { body: other, etag: '"two"' };
    expect((await range('bytes=0-1')).body).toBe(latin1(other.subarray(0, 2)));
  });

  it('does not find them again by an answer from before the change', async () => {
    await open();
    await range('bytes=0-1');
    await scene.ask('/film', { method: 'PUT', body: 'x' });
    const { opened: changed, open: change } = gate();
    const before = says(() => ({ body: whole, etag, now: scene.clock.now }));
    scene.origin.says = (request, response) => void changed.then(() => before(request, response));
    const late = scene.open('/film');
    await until(() => scene.origin.asked.length === 4, 'the origin is asked for what it has now');
    scene.origin.says = says(() => ({ ...served, now: scene.clock.now }));
    served = { body: other, etag: '"two"' };
    await scene.ask('/film', { method: 'PUT', body: 'y' });
    change();
    (await headOf(late)).destroy();
    expect((await range('bytes=0-1')).body).toBe(latin1(other.subarray(0, 2)));
  });
});
