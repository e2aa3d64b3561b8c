import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { AAC, decode, publish, startPublishing, TEST_PICTURE, TEST_TONE, X264 } from '../ffmpeg.fixture.js';
import { PublishingBench, until } from '../publishing.fixture.js';
import type { Certificates } from './certificates.js';
import type { Admitting } from './connection.js';
import { openRtmpServer, type RtmpServer } from './server.js';

const run = promisify(execFile);

/** A self-signed certificate and its key, as `openssl` makes them. */
async function selfSigned(folder: string, name: string): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]);
  return { cert: await readFile(cert), key: await readFile(key) };
}

class TestCertificates implements Certificates {
  readonly listeners = new Set<() => void>();
  #pair: { cert: Buffer; key: Buffer };

  constructor(pair: { cert: Buffer; key: Buffer }) {
    this.#pair = pair;
  }

  current() {
    return this.#pair;
  }

  onChange(listener: () => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  renew(pair: { cert: Buffer; key: Buffer }): void {
    this.#pair = pair;
    for (const listener of this.listeners) listener();
  }
}

let bench: PublishingBench;
let server: RtmpServer;
let folder: string;
let certificates: TestCertificates;
let port: number;
const protocols: [string, boolean][] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-rtmps-'));
  certificates = new TestCertificates(await selfSigned(folder, 'first'));
  bench = await PublishingBench.open();
  const publishing: Admitting = {
    admit(request) {
      protocols.push([request.protocol, request.backup]);
      return bench.publishing.admit(request);
    },
  };
  const options = { host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics: bench.metrics };
  const secure = { host: '127.0.0.1', port: 0, certificates };
  server = await openRtmpServer({ ...options, secure, limits: { handshakeMs: 1000 } });
  port = server.secureAddress?.port ?? 0;
});

afterAll(async () => {
  await bench.publishing.close();
  await server.close(1000);
  await bench.close();
  await rm(folder, { recursive: true, force: true });
});

const address = (key: string) => `rtmps://127.0.0.1:${port}/live/${key}`;

async function cuts(reason: string): Promise<number> {
  const metric = await bench.metrics.registry.getSingleMetric('headwater_ingest_rtmp_cut_total')?.get();
  return metric?.values.find((value) => value.labels.reason === reason)?.value ?? 0;
}

/** The name in the certificate that the server shows now. */
async function shownName(): Promise<string> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

describe('a publisher over TLS', () => {
  it('is taken like any other, with the words behind its key', async () => {
    const ended = bench.sink.ended.length;
    const key = 'key-hall?backup=1&user=x';
    const left = await publish(address(key), TEST_PICTURE, TEST_TONE, ['-t', '2'], X264, ['-bf', '0'], AAC);
    expect(left).toMatchObject({ code: 0 });
    expect(protocols.at(-1)).toEqual(['rtmps', true]);
    await until(() => bench.sink.ended.length === ended + 1, 'the end of the broadcast');
    expect(await decode(await bench.feedFile(bench.sink.feeds.length - 1))).toEqual({ frames: 50, errors: '' });
  });

  it('goes on while the certificate is renewed, and newcomers see the new one', async () => {
    const feeds = bench.sink.feeds.length;
    const publisher = startPublishing(address('key-hall'), TEST_PICTURE, X264);
    await until(() => bench.sink.feeds.length > feeds, 'the feed');
    expect(await shownName()).toBe('first');
    certificates.renew(await selfSigned(folder, 'second'));
    expect(await shownName()).toBe('second');
    certificates.renew({ cert: Buffer.from('no certificate'), key: Buffer.from('no key') });
    expect(await shownName()).toBe('second');
    const [before] = bench.publishing.live();
    await until(() => (bench.publishing.live()[0]?.bytes ?? 0) > (before?.bytes ?? 0), 'more of the same broadcast');
    expect(bench.publishing.live()[0]?.broadcastId).toBe(before?.broadcastId);
    publisher.stop();
    await publisher.done;
    expect(bench.sink.feeds.length).toBe(feeds + 1);
  });
});

describe('who does not shake hands is cut', () => {
  it.each<[string, Buffer]>([
    ['says nothing', Buffer.alloc(0)],
    ['speaks RTMP without TLS', Buffer.alloc(1537, 3)],
    ['sends half a greeting', Buffer.from([0x16, 3, 1, 2, 0, 1, 0])],
  ])('%s', async (_, bytes) => {
    const before = await cuts('tls');
    const socket = connectPlain(port, '127.0.0.1');
    socket.on('error', () => {});
    if (bytes.length > 0) socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
    expect(await cuts('tls')).toBe(before + 1);
  });

  it('offers TLS 1.1', async () => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ciphers: 'DEFAULT@SECLEVEL=0' };
    const socket = connect({ ...options, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' });
    const [error] = await once(socket, 'error');
    expect(String(error)).toMatch(/version|alert/i);
  });

  it('ends TLS and then says nothing', async () => {
    const before = await cuts('handshake-slow');
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'close');
    expect(await cuts('handshake-slow')).toBe(before + 1);
  });
});

it('a certificate that is none is refused with a hint', async () => {
  const bad = new TestCertificates({ cert: Buffer.from('x'), key: Buffer.from('y') });
  const { publishing } = bench;
  const metrics = new Metrics();
  const secure = { host: '127.0.0.1', port: 0, certificates: bad };
  const opening = openRtmpServer({ host: '127.0.0.1', port: 0, secure, publishing, log: silentLog, metrics });
  await expect(opening).rejects.toMatchObject({ code: 'ingest.bad-certificate' });
  expect(bad.listeners.size).toBe(0);
});

it('closes in time while somebody is still shaking hands', async () => {
  certificates.renew(await selfSigned(folder, 'third'));
  const { publishing } = bench;
  const options = { host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics: new Metrics() };
  const door = await openRtmpServer({ ...options, secure: { host: '127.0.0.1', port: 0, certificates } });
  const socket = connectPlain(door.secureAddress?.port ?? 0, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  await door.close(100);
  expect(certificates.listeners.size).toBe(1);
});

it('an address in use is named with its flag, and nothing stays open', async () => {
  const { publishing } = bench;
  const options = { host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics: new Metrics() };
  const opening = openRtmpServer({ ...options, secure: { host: '127.0.0.1', port, certificates } });
  const hint = expect.stringContaining('--rtmps ADDR:PORT');
  await expect(opening).rejects.toMatchObject({ code: 'ingest.address-in-use', hint });
  expect(certificates.listeners.size).toBe(1);
});
