import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { publish, stopPublishers } from '../publisher.js';

/** What strangers send to the ports, and what the box answers; it serves on after each. */
let box: TestBox;

beforeAll(async () => {
  box = await startBox();
});

afterAll(async () => {
  stopPublishers();
  await cleanUp();
});

/** Sends raw bytes and resolves with what came back until the other side closed, or until it has been silent. */
function raw(address: string, bytes: string | Buffer, quietMs = 1500): Promise<string> {
  const { hostname, port } = new URL(address.includes('//') ? address : `tcp://${address}`);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

const serves = async () => {
  expect((await fetch(`${box.http}/v1/videos`)).status).toBe(200);
  expect((await fetch(`${box.http}/`)).status).toBe(200);
};

it.each([
  ['path traversal', 'GET /media/../../operator.token HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 (400|404)/],
  [
    'encoded traversal',
    'GET /assets/%2e%2e/%2e%2e/operator.token HTTP/1.1\r\nHost: x\r\n\r\n',
    /^HTTP\/1\.1 (400|404)/,
  ],
  ['encoded slashes', 'GET /assets/..%2f..%2foperator.token HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 (400|404)/],
  ['a NUL', 'GET /watch/%00 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 4\d\d/],
  ['a very long address', `GET /${'a'.repeat(60_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^$|^HTTP\/1\.1 4\d\d/],
  ['a very long header', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(60_000)}\r\n\r\n`, /^$|^HTTP\/1\.1 4\d\d/],
  ['a thousand headers', `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(1000)}\r\n`, /^$|^HTTP\/1\.1 4\d\d/],
  [
    'two different lengths',
    'POST /v1/channels HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}',
    /^$|^HTTP\/1\.1 400/,
  ],
  [
    'a length and chunks',
    'POST /v1/channels HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^$|^HTTP\/1\.1 400/,
  ],
  ['a negative length', 'POST /v1/channels HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', /^$|^HTTP\/1\.1 400/],
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^$|^HTTP\/1\.1 400/],
  ['a strange method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', /^$|^HTTP\/1\.1 (400|405|501)/],
])('HTTP: %s', async (_, bytes, answer) => {
  const got = await raw(box.http, bytes);
  expect(got).toMatch(answer);
  expect(got).not.toContain('root:');
  await serves();
});

it.each([
  ['silence after garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(500))],
  ['zeros', Buffer.alloc(100_000)],
  ['ones', Buffer.alloc(100_000, 0xff)],
  [
    'a handshake and then garbage',
    Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536), Buffer.alloc(50_000, 0x5a)]),
  ],
])('RTMP: %s', async (_, bytes) => {
  await raw(box.rtmp, bytes, 500);
  await serves();
});

it('problems are documents with words', async () => {
  for (const [path, status] of [
    ['/live/nobody/index.m3u8', 404],
    ['/vod/v_0000000000000000/index.m3u8', 404],
    ['/media/b_0000000000000000/v360/1.m4s', 404],
    ['/v1/nothing', 404],
    ['/v1/status', 401],
  ] as const) {
    const answer = await fetch(box.http + path);
    expect(answer.status, path).toBe(status);
    expect(answer.headers.get('content-type'), path).toContain('application/problem+json');
    expect(answer.headers.get('cache-status'), path).toMatch(/^Headwater/);
    const problem = (await answer.json()) as { title: string; detail?: string };
    expect(problem.title.length + (problem.detail?.length ?? 0), path).toBeGreaterThan(5);
  }
});

it('tells players the time, and never an old one', async () => {
  const answer = await fetch(`${box.http}/time`);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('cache-status')).not.toContain('hit');
  expect(Math.abs(Date.parse(await answer.text()) - Date.now())).toBeLessThan(5000);
});

it('tells the operator how it is', async () => {
  expect(await (await fetch(`${box.admin}/healthz`)).text()).toBe('ok\n');
  const metrics = await (await fetch(`${box.admin}/metrics`)).text();
  expect(metrics).toContain('process_resident_memory_bytes');
  expect(metrics).toMatch(/^headwater_edge_/m);
  expect(statSync(join(box.data, 'operator.token')).mode & 0o777).toBe(0o600);
});

/** Whether this user may mount in a namespace of its own; where not, ENOSPC is tested beside the upload server and the stores alone. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it.runIf(mayMount())('says in clear words that the disk is full, and serves on', async () => {
  const folder = newFolder();
  const mounted = `mount -t tmpfs -o size=16m tmpfs ${folder} && exec "$@"`;
  const small = await startBox({ data: join(folder, 'data'), wrap: ['unshare', '-m', 'sh', '-c', mounted, 'sh'] });
  // Only the box's own namespace sees its disk.
  const token = readFileSync(`/proc/${small.pid}/root${small.data}/operator.token`, 'utf8').trim();
  const tus = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
  const create = (bytes: number) =>
    fetch(`${small.http}/v1/videos/upload`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(bytes), 'upload-metadata': `title ${btoa('Large')}` },
    });
  const tooLarge = await create(64 * 2 ** 20);
  expect(tooLarge.status).toBe(507);
  expect(await tooLarge.text()).toMatch(/disk|space|room/i);

  // One that fits when it begins, on a disk that another then fills.
  const begun = await create(8 * 2 ** 20);
  expect(begun.status).toBe(201);
  const upload = small.http + (begun.headers.get('location') ?? '');
  execFileSync('sh', [
    '-c',
    `dd if=/dev/zero of=/proc/${small.pid}/root${small.data}/filler bs=64k 2>/dev/null || true`,
  ]);
  const refused = await fetch(upload, {
    method: 'PATCH',
    headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: new Uint8Array(8 * 2 ** 20),
  });
  expect(refused.status).toBe(507);
  expect(await refused.text()).toMatch(/disk|space|room/i);
  expect((await fetch(`${small.http}/v1/videos`)).status).toBe(200);

  rmSync(`/proc/${small.pid}/root${small.data}/filler`);
  const head = await fetch(upload, { method: 'HEAD', headers: tus });
  const offset = Number(head.headers.get('upload-offset'));
  expect(offset).toBeLessThan(8 * 2 ** 20);
  const rest = await fetch(upload, {
    method: 'PATCH',
    headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
    body: new Uint8Array(8 * 2 ** 20 - offset),
  });
  expect(rest.status).toBe(204);
});

it.runIf(mayMount())('a full disk does not end a broadcast', async () => {
  const folder = newFolder();
  const mounted = `mount -t tmpfs -o size=16m tmpfs ${folder} && exec "$@"`;
  const small = await startBox({ data: join(folder, 'data'), wrap: ['unshare', '-m', 'sh', '-c', mounted, 'sh'] });
  const token = readFileSync(`/proc/${small.pid}/root${small.data}/operator.token`, 'utf8').trim();
  const created = await fetch(`${small.http}/v1/channels`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'full' }),
  });
  const { rtmpUrl } = (await created.json()) as { rtmpUrl: string };
  publish(rtmpUrl, { seconds: 60 });
  const numbers = async () => {
    const answer = await fetch(`${small.http}/live/full/v360.m3u8`);
    const names = answer.status === 200 ? [...(await answer.text()).matchAll(/^\/media\/\S+?(\d+)\.m4s$/gm)] : [];
    return names.map(([, number]) => Number(number));
  };
  await until(
    async () => (await numbers()).length > 0,
    60_000,
    () => small.printed(),
  );
  execFileSync('sh', [
    '-c',
    `dd if=/dev/zero of=/proc/${small.pid}/root${small.data}/filler bs=64k 2>/dev/null || true`,
  ]);
  const last = (await numbers()).at(-1) ?? 0;
  await until(
    async () => ((await numbers()).at(-1) ?? 0) >= last + 3,
    60_000,
    () => small.printed(),
  );
  expect(small.printed()).toMatch(/disk|space|ENOSPC|spool/i);
});
