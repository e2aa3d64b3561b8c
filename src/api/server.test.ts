import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { Failure } from '../telemetry/failure.js';
import { type Answer, type ApiBox, aVideo, call, OPERATOR_TOKEN, openBox, STATUS } from './api.fixture.js';

let box: ApiBox;
beforeAll(async () => {
  box = await openBox();
});
afterAll(() => box.api.close(1000));

/** Every refusal is a problem document that tells something. */
function expectProblem({ status, headers, body }: Answer, expected: number): void {
  expect(status).toBe(expected);
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({ status: expected, type: expect.stringMatching(/^urn:headwater:problem:[a-z-]+$/) });
  expect(String(body.title).length).toBeGreaterThan(3);
  expect(String(body.detail).length).toBeGreaterThan(8);
}

describe('who may do what', () => {
  const video = '/v1/videos/v_000000000000000a';
  const doing: [
    method: string,
    path: string,
    body: unknown,
    anonymous: number,
    viewer: number,
    other: number,
    owner: number,
    operator: number,
  ][] = [
    ['GET', '/v1/openapi.json', undefined, 200, 200, 200, 200, 200],
    ['GET', '/v1/auth/me', undefined, 401, 200, 200, 200, 200],
    ['GET', '/v1/videos', undefined, 200, 200, 200, 200, 200],
    ['GET', '/v1/videos?mine=true', undefined, 401, 200, 200, 200, 200],
    ['GET', '/v1/videos?status=failed', undefined, 401, 200, 200, 200, 200],
    ['GET', video, undefined, 200, 200, 200, 200, 200],
    ['GET', `${video}/manifest.m3u8`, undefined, 307, 307, 307, 307, 307],
    ['POST', `${video}/heartbeat`, { progress_sec: 1, buffer_events: 0 }, 204, 204, 204, 204, 204],
    ['PATCH', video, { title: 'New' }, 401, 403, 403, 200, 200],
    ['DELETE', video, undefined, 401, 403, 403, 204, 204],
    ['GET', '/v1/channels', undefined, 200, 200, 200, 200, 200],
    ['GET', '/v1/channels/news', undefined, 200, 200, 200, 200, 200],
    ['POST', '/v1/channels', { name: 'fresh' }, 401, 403, 201, 201, 201],
    ['PATCH', '/v1/channels/news', { graceSec: 5 }, 401, 403, 403, 200, 200],
    ['POST', '/v1/channels/news/rotate-key', {}, 401, 403, 403, 200, 200],
    ['DELETE', '/v1/channels/news', undefined, 401, 403, 403, 204, 204],
    ['GET', '/v1/status', undefined, 401, 403, 403, 403, 200],
    ['GET', '/v1/users', undefined, 401, 403, 403, 403, 200],
    ['POST', '/v1/users', { name: 'dave' }, 401, 403, 403, 403, 201],
    ['POST', '/v1/users/alice/sign-in-link', {}, 401, 403, 403, 403, 200],
  ];
  it.each(doing)('%s %s', async (method, path, body, ...statuses) => {
    const tokens = [
      undefined,
      (await box.user('victor', 'viewer')).token,
      (await box.user('bob')).token,
      (await box.user('alice')).token,
      OPERATOR_TOKEN,
    ];
    for (const [index, expected] of statuses.entries()) {
      box.catalog.videosById.set('v_000000000000000a', aVideo('v_000000000000000a'));
      box.catalog.channelsByName.set('news', {
        name: 'news',
        ownerId: 'u_alice',
        streamKey: 'k'.repeat(28),
        createdAt: 1,
        revision: 0,
        settings: DEFAULT_CHANNEL_SETTINGS,
      });
      box.catalog.channelsByName.delete('fresh');
      box.catalog.usersById.delete('u_dave');
      const answer = await call(box, method, path, { token: tokens[index], body });
      if (expected >= 400) expectProblem(answer, expected);
      else expect(answer.status).toBe(expected);
    }
  });
});

describe('malformed input', () => {
  const json = { 'content-type': 'application/json' };
  const cases: [
    name: string,
    method: string,
    path: string,
    body: string | undefined,
    headers: Record<string, string>,
    status: number,
  ][] = [
    ['JSON that breaks off', 'POST', '/v1/channels', '{"name":', json, 400],
    ['no JSON at all', 'POST', '/v1/channels', 'name=news', json, 400],
    ['an empty body', 'POST', '/v1/channels', '', json, 400],
    ['a body of another type', 'POST', '/v1/channels', '<name/>', { 'content-type': 'text/xml' }, 415],
    ['an array', 'POST', '/v1/channels', '[]', json, 400],
    ['a number for a name', 'POST', '/v1/channels', '{"name":5}', json, 400],
    ['a field that is not known', 'POST', '/v1/channels', '{"name":"a","streamKey":"b"}', json, 400],
    ['a prototype', 'POST', '/v1/channels', '{"name":"a","__proto__":{"role":"operator"}}', json, 400],
    ['a name with a slash', 'POST', '/v1/channels', '{"name":"../etc"}', json, 400],
    ['a name in capitals', 'POST', '/v1/channels', '{"name":"News"}', json, 400],
    ['an endless name', 'POST', '/v1/channels', JSON.stringify({ name: 'a'.repeat(64) }), json, 400],
    ['a body over the limit', 'POST', '/v1/channels', JSON.stringify({ name: 'a'.repeat(70_000) }), json, 413],
    ['a role that is not one', 'POST', '/v1/users', '{"name":"eve","role":"root"}', json, 400],
    ['a title of nothing', 'PATCH', '/v1/videos/v_000000000000000a', '{"title":"  "}', json, 400],
    ['a title with a bell', 'PATCH', '/v1/videos/v_000000000000000a', '{"title":"a\\u0007"}', json, 400],
    ['an edit of nothing', 'PATCH', '/v1/videos/v_000000000000000a', '{}', json, 400],
    [
      'progress before the start',
      'POST',
      '/v1/videos/v_000000000000000a/heartbeat',
      '{"progress_sec":-1,"buffer_events":0}',
      json,
      400,
    ],
    [
      'progress for ever',
      'POST',
      '/v1/videos/v_000000000000000a/heartbeat',
      '{"progress_sec":1e400,"buffer_events":0}',
      json,
      400,
    ],
    [
      'half a stall',
      'POST',
      '/v1/videos/v_000000000000000a/heartbeat',
      '{"progress_sec":1,"buffer_events":0.5}',
      json,
      400,
    ],
    ['a limit of nothing', 'GET', '/v1/videos?limit=0', undefined, {}, 400],
    ['a limit of words', 'GET', '/v1/channels?limit=many', undefined, {}, 400],
    ['a parameter that is not known', 'GET', '/v1/videos?sort=title', undefined, {}, 400],
    ['a cursor that is not ours', 'GET', '/v1/videos?before=%27--', undefined, {}, 400],
    ['an unknown path', 'GET', '/v1/nothing', undefined, {}, 404],
    ['an unknown method', 'PUT', '/v1/channels', undefined, {}, 404],
    ['traversal in an id', 'GET', '/v1/videos/..%2f..%2fetc%2fpasswd', undefined, {}, 404],
    ['traversal to another path', 'GET', '/v1/videos/%2e%2e%2fstatus', undefined, {}, 404],
    ['an id of no video', 'GET', '/v1/videos/v_UPPER', undefined, {}, 404],
    ['an endless id', 'GET', `/v1/videos/v_${'a'.repeat(4000)}`, undefined, {}, 404],
    ['bad percent-encoding', 'GET', '/v1/videos/%zz', undefined, {}, 404],
    ['a zero byte', 'GET', '/v1/channels/a%00b', undefined, {}, 404],
    ['a token that is none', 'GET', '/v1/videos', undefined, { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }, 401],
    ['another scheme', 'GET', '/v1/videos', undefined, { authorization: 'Basic b3BlcmF0b3I6' }, 401],
  ];
  it.each(cases)('%s', async (_name, method, path, body, headers, status) => {
    const answer = await call(box, method, path, {
      body,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, ...headers },
    });
    expectProblem(answer, status);
  });

  it('says where a body is not valid', async () => {
    const answer = await call(box, 'POST', '/v1/users', { token: OPERATOR_TOKEN, body: { name: 'A B', role: 'king' } });
    expect(answer.body).toMatchObject({
      errors: [{ at: 'body/name', message: expect.stringContaining('63 of a-z') }, { at: 'body/role' }],
    });
  });

  it('answers what is no HTTP, and a head that is too long', async () => {
    for (const [bytes, line] of [
      ['\u0000\u0001garbage\r\n\r\n', 'HTTP/1.1 400 '],
      [`GET /v1/videos HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 'HTTP/1.1 431 '],
      ['GET /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'HTTP/1.1 400 '],
    ] as const) {
      const socket = connect(box.api.address.port, '127.0.0.1');
      socket.write(bytes);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      await once(socket, 'close');
      expect(text.startsWith(line)).toBe(true);
      expect(text).toContain('application/problem+json');
    }
    expect((await call(box, 'GET', '/v1/channels')).status).toBe(200);
  });
});

describe('when the catalog fails', () => {
  const cases: [Error, number][] = [
    [new Error('SELECT secret'), 500],
    [new Failure('metadata.overloaded', 'too many calls', { hint: 'wait' }), 503],
    [new Failure('metadata.disk-full', 'no room', { hint: 'free some' }), 507],
  ];
  it.each(cases)('%s is answered %i, without its inner words', async (error, status) => {
    box.catalog.failing = error;
    const answer = await call(box, 'POST', '/v1/channels', { token: OPERATOR_TOKEN, body: { name: 'other' } });
    box.catalog.failing = null;
    expectProblem(answer, status);
    expect(JSON.stringify(answer.body)).not.toContain('SELECT');
  });
});

describe('the description of the API', () => {
  it('lists every route with its schemas', async () => {
    const { body, headers } = await call(box, 'GET', '/v1/openapi.json');
    expect(headers.get('content-type')).toContain('application/json');
    expect(body).toMatchObject({ openapi: '3.1.0', info: { title: 'Headwater', version: '0.0.0-test' } });
    const paths = body.paths as Record<
      string,
      Record<string, { summary?: string; responses: Record<string, unknown> }>
    >;
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(listed.sort()).toEqual([
      'delete /v1/channels/{name}',
      'delete /v1/channels/{name}/restreams/{target}',
      'delete /v1/videos/upload/{id}',
      'delete /v1/videos/{id}',
      'get /v1/auth/me',
      'get /v1/channels',
      'get /v1/channels/{name}',
      'get /v1/channels/{name}/restreams',
      'get /v1/openapi.json',
      'get /v1/popular',
      'get /v1/status',
      'get /v1/users',
      'get /v1/videos',
      'get /v1/videos/{id}',
      'get /v1/videos/{id}/manifest.m3u8',
      'head /v1/videos/upload/{id}',
      'patch /v1/channels/{name}',
      'patch /v1/videos/upload/{id}',
      'patch /v1/videos/{id}',
      'post /v1/auth/sign-in',
      'post /v1/auth/sign-out',
      'post /v1/channels',
      'post /v1/channels/{name}/restreams',
      'post /v1/channels/{name}/rotate-key',
      'post /v1/users',
      'post /v1/users/{name}/sign-in-link',
      'post /v1/videos/upload',
      'post /v1/videos/{id}/heartbeat',
    ]);
    for (const route of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      expect(route.summary).toBeTruthy();
      expect(Object.keys(route.responses).length).toBeGreaterThan(0);
    }
    expect(paths['/v1/channels']?.post).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { properties: { name: { type: 'string' } } } } } },
      responses: { '4XX': { content: { 'application/problem+json': {} } } },
    });
  });
});

describe('the rest of the box', () => {
  it('tells the operator what it is doing', async () => {
    expect((await call(box, 'GET', '/v1/status', { token: OPERATOR_TOKEN })).body).toEqual(STATUS);
  });

  it('hands uploads, and nothing else, to the upload server', async () => {
    const seen: unknown[] = [];
    const uploads = {
      handle: (req: { url?: string }, res: { end(text: string): void }) => {
        seen.push(req.url);
        res.end('{}');
      },
    };
    const other = await openBox({ uploads });
    for (const path of ['/v1/videos/upload', '/v1/videos/upload/v_000000000000000a?x=1']) {
      expect((await call(other, 'PATCH', path)).status).toBe(200);
    }
    expectProblem(await call(other, 'GET', '/v1/videos/uploads'), 404);
    expect(seen).toEqual(['/v1/videos/upload', '/v1/videos/upload/v_000000000000000a?x=1']);
    await other.api.close(100);
    expectProblem(await call(box, 'POST', '/v1/videos/upload'), 503);
  });

  it('closes within its grace while a client dawdles', async () => {
    const other = await openBox();
    const socket = connect(other.api.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      'POST /v1/channels HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const closed = once(socket, 'close');
    await other.api.close(100);
    await closed;
  });
});
