import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { gate, openScene, type Scene, until } from './edge.fixture.js';

const body = randomBytes(400_000);
const text = body.toString('latin1');
const fields = { 'cache-control': 'max-age=60', etag: '"one"', 'accept-ranges': 'bytes' };

describe.each(['node', 'uws', 'uws-threads'] as const)('a part that is completed, behind the %s engine', (engine) => {
  let scene: Scene;
  afterEach(() => scene.close());

  /** The origin sends this part of its own accord, and from then on what it is asked for. */
  const openWith = async (first: number, last: number): Promise<void> => {
    scene = await openScene({ engine, api: null });
    const range = `bytes=${first}-${last}`;
    scene.origin.says = sends(first, last);
    const part = await scene.ask('/a', { headers: { range } });
    expect([part.status, part.body === text.slice(first, last + 1)]).toEqual([206, true]);
    scene.origin.says = asAsked;
  };
  const sends =
    (first: number, last: number, sent = last): RequestListener =>
    (_request, response) => {
      const place = `bytes ${first}-${last}/${body.length}`;
      response.writeHead(206, { ...fields, 'content-range': place, 'content-length': last - first + 1 });
      if (sent === last) response.end(body.subarray(first, last + 1));
      else response.write(body.subarray(first, sent), () => response.socket?.end());
    };
  const asAsked: RequestListener = (request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    expect(request.headers['if-range']).toBe('"one"');
    sends(Number(first), last ? Number(last) : body.length - 1)(request, response);
  };
  const asked = () => scene.origin.requests.map(({ headers }) => headers.range ?? 'all');

  it.each([
    ['its end is missing', 0, 299_999, 'bytes=300000-'],
    ['its beginning is missing', 100_000, 399_999, 'bytes=0-99999'],
  ])('is asked for once by all who want the whole (%s)', async (_what, first, last, rest) => {
    await openWith(first, last);
    const held = gate();
    scene.origin.says = async (request, response) => {
      await held.opened;
      asAsked(request, response);
    };
    const before = scene.received.count;
    const asking = Array.from({ length: 20 }, () => scene.ask('/a'));
    await until(() => scene.received.count === before + 20, 'all have asked');
    held.open();
    const answers = await Promise.all(asking);
    expect(answers.map(({ status, body: got }) => [status, got === text])).toEqual(answers.map(() => [200, true]));
    expect(asked()).toEqual(['all', rest]);
    expect((await scene.ask('/a')).body === text).toBe(true);
    // The part is of no use any more.
    expect(scene.edge.stats().objects).toBe(1);
  });

  it.each([
    ['end', 0, 299_999, 300_000, ['bytes=300000-', 'bytes=350000-']],
    ['beginning', 100_000, 399_999, 0, ['bytes=0-99999', 'bytes=50000-']],
  ])('goes on where its %s breaks off', async (_what, first, last, from, ranges) => {
    await openWith(first, last);
    scene.origin.says = (request, response) => {
      scene.origin.says = asAsked;
      sends(from, from === 0 ? 99_999 : 399_999, from + 50_000)(request, response);
    };
    const answer = await scene.ask('/a');
    expect([answer.status, answer.body === text]).toEqual([200, true]);
    expect(asked()).toEqual(['all', ...ranges]);
    expect((await scene.ask('/a')).body === text).toBe(true);
  });

  it('is whole with the last of several parts, which anybody may ask for', async () => {
    await openWith(0, 99_999);
    for (const first of [200_000, 300_000, 100_000]) {
      scene.origin.says = sends(first, first + 99_999);
      const range = `bytes=${first}-${first + 99_999}`;
      expect((await scene.ask('/a', { headers: { range } })).body === text.slice(first, first + 100_000)).toBe(true);
    }
    const whole = await scene.ask('/a');
    expect([whole.status, whole.body === text, whole.headers['content-length']]).toEqual([200, true, '400000']);
    expect(asked()).toHaveLength(4);
    expect(scene.edge.stats().objects).toBe(1);
  });
});
