import { createHash, randomBytes } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Behind,
  gate,
  headOf,
  heldAnswers,
  mebibyte,
  nextChunk,
  openBehind,
  openScene,
  type Scene,
  type SceneOptions,
  until,
} from '../edge.fixture.js';

const body = randomBytes(200_000);
const digest = (bytes: Buffer | string): string =>
  createHash('sha256')
    .update(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    .digest('hex');
const minute = { 'cache-control': 'max-age=60' };
type Fields = Record<string, string | number>;

/** Sends so much of the whole, and then cuts the connection, once what it sent has left. */
function cutAfter(response: ServerResponse, fields: Fields, sent: Buffer): void {
  response.writeHead(200, { ...minute, ...fields });
  response.write(sent, () => setTimeout(() => response.destroy(), 20));
}

/** The rest, as a server that does as RFC 9110 says. */
function sendRest(range: string | undefined, response: ServerResponse, fields: Fields, whole = body): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]);
  const contentRange = `bytes ${from}-${whole.length - 1}/${whole.length}`;
  response.writeHead(206, { ...minute, 'content-range': contentRange, ...fields }).end(whole.subarray(from));
}

describe.each(['node', 'uws'] as const)('a fill that breaks off, behind the %s engine', (engine) => {
  let scene: Scene;
  let other: Behind;
  const tagged = { etag: '"one"', 'content-length': body.length };

  beforeEach(async () => {
    other = await openBehind((_request, response) => response.writeHead(404).end());
  });
  afterEach(async () => {
    await scene.close();
    await other.close().catch(() => undefined);
  });

  const open = async (options: Partial<SceneOptions> = {}): Promise<void> => {
    scene = await openScene({ engine, ...options });
  };
  /** The first answer is cut after half of it; then `rest` says. */
  const cutsFirst = (fields: Fields, rest: RequestListener): void => {
    scene.origin.says = (request, response) => {
      if (request.headers.range === undefined) cutAfter(response, fields, body.subarray(0, body.length / 2));
      else rest(request, response);
    };
  };
  const expectCut = async (): Promise<void> => {
    await expect(scene.ask('/film')).rejects.toThrow();
    await until(() => scene.edge.stats().memoryBytes === 0, 'its memory is free');
    expect(scene.edge.stats().objects).toBe(0);
  };
  const resumptions = async (outcome: string): Promise<number> => {
    const text = await scene.metrics.text();
    return Number(new RegExp(`edge_fills_resumed_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  it('goes on for all that read it, and is kept', async () => {
    await open();
    const { answers, says } = heldAnswers();
    const rest = gate();
    scene.origin.says = says;
    const first = scene.open('/film');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, ...tagged }).write(body.subarray(0, 1000));
    scene.origin.says = async (request, response) => {
      await rest.opened;
      sendRest(request.headers.range, response, { etag: '"one"' });
    };
    const early = await headOf(first);
    expect(await nextChunk(early)).toBeDefined();
    const late = scene.ask('/film');
    await until(() => scene.received.count === 2, 'both read');
    answers[0]?.destroy();
    await until(() => scene.origin.asked.length === 2, 'the rest is asked for');
    const latest = scene.ask('/film', { headers: { range: 'bytes=150000-' } });
    await until(() => scene.received.count === 3, 'a third reads');
    rest.open();
    expect(digest((await late).body)).toBe(digest(body));
    expect(digest((await latest).body)).toBe(digest(body.subarray(150_000)));
    const [asked] = scene.origin.requests.slice(1);
    expect(asked?.headers).toMatchObject({ range: 'bytes=1000-', 'if-range': '"one"' });
    await until(() => scene.edge.stats().objects === 1, 'it is kept');
    const kept = await scene.ask('/film');
    expect(kept.cacheStatus).toContain('hit');
    expect(digest(kept.body)).toBe(digest(body));
    expect(scene.origin.asked).toHaveLength(2);
    expect(await resumptions('resumed')).toBe(1);
    early.destroy();
  });

  it.each([
    ['it has changed, and comes whole', 'changed', 200, { etag: '"two"', 'content-length': body.length }],
    ['it has changed, and the server does not know If-Range', 'changed', 206, { etag: '"two"' }],
    ['the rest has no ETag', 'changed', 206, {}],
    ['the rest has a weak ETag', 'changed', 206, { etag: 'W/"one"' }],
    ['the rest begins elsewhere', 'changed', 206, { etag: '"one"', 'content-range': 'bytes 0-199999/200000' }],
    [
      'the whole is of another length',
      'changed',
      206,
      { etag: '"one"', 'content-range': 'bytes 100000-199999/200001' },
    ],
    ['the rest ends early', 'changed', 206, { etag: '"one"', 'content-range': 'bytes 100000-150000/200000' }],
    ['the rest is coded otherwise', 'changed', 206, { etag: '"one"', 'content-encoding': 'gzip' }],
    ['it is gone', 'changed', 404, {}],
    ['it was never as long', 'changed', 416, { 'content-range': 'bytes */100000' }],
    ['the server fails again and again', 'failed', 503, {}],
  ])('is cut and not kept where %s', async (_why, outcome, status, fields) => {
    await open();
    cutsFirst(tagged, ({ headers }, response) => {
      if (status === 206) sendRest(headers.range, response, fields);
      else response.writeHead(status, { ...minute, ...fields }).end(status === 200 ? Buffer.alloc(body.length) : '');
    });
    await expectCut();
    expect(await resumptions(outcome)).toBe(1);
    expect(scene.origin.asked.length).toBeLessThanOrEqual(4);
  });

  it.each([
    ['has no validator', {}],
    ['has a weak ETag', { etag: 'W/"one"' }],
    ['has no strong ETag, though it is old', { etag: 'W/"one"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }],
    ['changed just now', { 'last-modified': 'now' }],
    ['comes from a server without ranges', { etag: '"one"', 'accept-ranges': 'none' }],
  ])('is not asked on where it %s', async (_why, fields: Fields) => {
    await open();
    const now: Fields = fields['last-modified'] === 'now' ? { 'last-modified': new Date().toUTCString() } : {};
    const head: Fields = { 'content-length': body.length, ...fields, ...now };
    cutsFirst(head, (_request, response) => response.writeHead(500).end());
    await expectCut();
    expect(scene.origin.asked).toHaveLength(1);
  });

  it('is not asked on where its length is not known', async () => {
    await open();
    cutsFirst({ etag: '"one"' }, (_request, response) => response.writeHead(500).end());
    await expectCut();
    expect(scene.origin.asked).toHaveLength(1);
  });

  it('goes on by Last-Modified where that is strong, and the server that said it is still there', async () => {
    await open();
    const modified = { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' };
    cutsFirst({ 'content-length': body.length, ...modified }, ({ headers }, response) => {
      expect(headers['if-range']).toBe(modified['last-modified']);
      sendRest(headers.range, response, modified);
    });
    expect(digest((await scene.ask('/film')).body)).toBe(digest(body));
  });

  it('is asked on three times at most', async () => {
    await open();
    scene.origin.says = ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range ?? '0')?.[0]);
      const range = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` };
      response.writeHead(headers.range === undefined ? 200 : 206, {
        ...{ ...minute, etag: '"one"', 'content-length': body.length - from },
        ...(headers.range === undefined ? {} : range),
      });
      response.write(body.subarray(from, from + 1000), () => setTimeout(() => response.destroy(), 20));
    };
    await expectCut();
    expect(scene.origin.asked).toHaveLength(4);
  });

  it('is cut where more comes than was asked for', async () => {
    await open();
    cutsFirst(tagged, ({ headers }, response) => {
      const contentRange = `bytes ${/\d+/.exec(headers.range ?? '')?.[0]}-${body.length - 1}/${body.length}`;
      response.writeHead(206, { ...minute, etag: '"one"', 'content-range': contentRange }).end(body);
    });
    await expectCut();
  });

  it('goes on where the server stops in the middle without closing', async () => {
    await open({ originLimits: { bodyMs: 300 } });
    scene.origin.says = ({ headers }, response) => {
      if (headers.range !== undefined) sendRest(headers.range, response, { etag: '"one"' });
      else response.writeHead(200, { ...minute, ...tagged }).write(body.subarray(0, 70_000));
    };
    expect(digest((await scene.ask('/film')).body)).toBe(digest(body));
  });

  it('goes on at another server where its own is gone', async () => {
    const origin = [await openBehind(() => undefined), other];
    for (const server of origin) {
      server.says = ({ headers }, response) => {
        if (headers.range !== undefined) return sendRest(headers.range, response, { etag: '"one"' });
        response.writeHead(200, { ...minute, ...tagged });
        response.write(body.subarray(0, 70_000), () => setTimeout(() => void server.close(), 20));
      };
    }
    await open({ api: null, origin: origin.map(({ url }) => ({ url, weight: 1 })) });
    expect(digest((await scene.ask('/film')).body)).toBe(digest(body));
    await until(() => scene.edge.stats().objects === 1, 'it is kept');
    await origin[0]?.close().catch(() => undefined);
  });

  it('goes on at no other server where only Last-Modified says what it was', async () => {
    const modified = { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' };
    const origin = [await openBehind(() => undefined), other];
    for (const server of origin) {
      server.says = ({ headers }, response) => {
        if (headers.range !== undefined) return sendRest(headers.range, response, modified);
        response.writeHead(200, { ...minute, 'content-length': body.length, ...modified });
        response.write(body.subarray(0, 70_000), () => setTimeout(() => void server.close(), 20));
      };
    }
    await open({ api: null, origin: origin.map(({ url }) => ({ url, weight: 1 })) });
    await expectCut();
    await origin[0]?.close().catch(() => undefined);
  });

  it('never gives a wrong byte, wherever and however it is cut', async () => {
    await open();
    const cuts = fc.record({
      at: fc.array(fc.nat(body.length), { minLength: 1, maxLength: 5 }),
      changesAfter: fc.nat(5),
      knowsIfRange: fc.boolean(),
    });
    const versions = [body, randomBytes(body.length)];
    let [film, whole] = [0, 0];
    await fc.assert(
      fc.asyncProperty(cuts, async ({ at, changesAfter, knowsIfRange }) => {
        film += 1;
        let times = 0;
        scene.origin.says = ({ headers }, response) => {
          const version = times >= changesAfter ? 1 : 0;
          const { range } = headers;
          const matches = !knowsIfRange || headers['if-range'] === `"${version}"`;
          const from = range === undefined || !matches ? 0 : Number(/\d+/.exec(range)?.[0]);
          const content = (versions[version] ?? body).subarray(from);
          const contentRange = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` };
          const isPart = range !== undefined && matches;
          response.writeHead(isPart ? 206 : 200, {
            ...{ ...minute, etag: `"${version}"`, 'content-length': content.length },
            ...(isPart ? contentRange : {}),
          });
          const cut = at[times];
          times += 1;
          if (cut === undefined || cut >= content.length) response.end(content);
          else response.write(content.subarray(0, cut), () => setTimeout(() => response.destroy(), 5));
        };
        const answer = await scene.ask(`/film-${film}`).catch(() => null);
        if (answer === null) return;
        whole += 1;
        expect(versions.map(digest)).toContain(digest(answer.body));
        expect(answer.headers.etag).toBe(`"${digest(answer.body) === digest(body) ? 0 : 1}"`);
      }),
      { numRuns: 25 },
    );
    expect(whole).toBeGreaterThan(0);
    expect(scene.edge.stats().objects).toBeLessThanOrEqual(whole);
  });

  it('that nobody reads any more is given up, and not asked on', async () => {
    await open({ memoryBytes: 256 * mebibyte });
    const { answers, says } = heldAnswers();
    scene.origin.says = says;
    const only = scene.open('/film');
    await until(() => answers.length === 1, 'the origin is asked');
    answers[0]?.writeHead(200, { ...minute, etag: '"one"', 'content-length': 12 * mebibyte }).write('begin');
    await headOf(only);
    only.destroy();
    await until(() => answers[0]?.destroyed === true, 'the upstream request is cancelled');
    await until(() => scene.edge.stats().memoryBytes === 0, 'its memory is free');
    expect(scene.origin.asked).toHaveLength(1);
    expect(await resumptions('failed')).toBe(0);
  });
});
