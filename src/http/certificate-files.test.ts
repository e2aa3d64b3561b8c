import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newKeys, selfSigned } from './certificate.fixture.js';
import { type CertificateFiles, judgeDays, openCertificateFiles } from './certificate-files.js';
import { HttpFailure } from './http-failure.js';
import { waitFor } from './raw-client.fixture.js';

let folder: string;
let lines: { msg: string; level: number; reason?: string; hint?: string }[];
let opened: CertificateFiles | undefined;
const log = () => pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const certFile = () => join(folder, 'cert.pem');
const keyFile = () => join(folder, 'key.pem');
const put = ({ cert, key }: { cert?: string; key?: string }) => {
  if (cert !== undefined) writeFileSync(certFile(), cert);
  if (key !== undefined) writeFileSync(keyFile(), key);
};
const open = (now?: () => number) => {
  opened = openCertificateFiles({
    certFile: certFile(),
    keyFile: keyFile(),
    log: log(),
    pollMs: 20,
    ...(now ? { now } : {}),
  });
  return opened;
};
const refusal = (): HttpFailure => {
  try {
    open();
  } catch (error) {
    if (error instanceof HttpFailure) return error;
    throw error;
  }
  throw new Error('it was taken');
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-certificates-'));
  lines = [];
});

afterEach(() => {
  opened?.close();
  opened = undefined;
  rmSync(folder, { recursive: true });
});

describe('certificate files', () => {
  it('are read, and say until when they are good', () => {
    const pair = selfSigned();
    put(pair);
    const files = open();
    expect(files.current().cert.toString()).toBe(pair.cert);
    expect(Math.abs(files.expiresAt - Date.now() - 86_400_000)).toBeLessThan(60_000);
  });

  it.each([
    ['without a certificate file', () => put({ key: selfSigned().key }), 'cert.pem cannot be read', 'Check the path'],
    ['without a key file', () => put({ cert: selfSigned().cert }), 'key.pem cannot be read', 'may read it'],
    ['with a certificate that is none', () => put({ ...selfSigned(), cert: 'hello' }), 'no certificate', 'must be PEM'],
    ['with a key that is none', () => put({ ...selfSigned(), key: 'hello' }), 'no private key', 'passphrase'],
    [
      'with a key of another certificate',
      () => put({ ...selfSigned(), key: selfSigned().key }),
      'does not belong to the certificate',
      'issued together',
    ],
    ['with an endless file', () => put({ ...selfSigned(), cert: 'x'.repeat(2 ** 21) }), 'larger than 1 MiB', 'Check'],
  ])('%s are refused at the start', (_name, prepare, message, hint) => {
    prepare();
    const failure = refusal();
    expect(failure.code).toBe('http.certificate-unusable');
    expect(failure.message).toContain(message);
    expect(failure.hint).toContain(hint);
  });

  it('that are a folder are refused', () => {
    put(selfSigned());
    expect(() => openCertificateFiles({ certFile: folder, keyFile: keyFile(), log: log() })).toThrow('cannot be read');
  });

  it('that expired are served with a warning; so are those that soon will be', () => {
    const until = Date.now() - 1000;
    put(selfSigned({ from: until - 1000, until }));
    open();
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('expired on')]);
    expect(judgeDays({ startsAt: 0, expiresAt: 20 * 86_400_000 }, 86_400_000)).toEqual({
      standing: 'good',
      words: 'valid until 1970-01-21',
    });
    expect(judgeDays({ startsAt: 0, expiresAt: 20 * 86_400_000 }, 9 * 86_400_000).words).toContain('not renewed yet');
    expect(judgeDays({ startsAt: 9e9, expiresAt: 9e10 }, 1).words).toContain('clock');
  });

  it('that change are taken, and listeners told', async () => {
    put(selfSigned());
    const files = open(() => Date.now() - 0);
    let told = 0;
    const stop = files.onChange(() => told++);
    files.onChange(() => {
      throw new Error('not mine');
    });
    const second = selfSigned();
    put({ cert: second.cert });
    put({ key: second.key });
    await waitFor(() => files.current().cert.toString() === second.cert);
    expect(told).toBe(1);
    expect(lines.some(({ msg }) => msg.includes('did not take'))).toBe(true);
    stop();
    const third = selfSigned();
    put(third);
    files.reload();
    expect(files.current().cert.toString()).toBe(third.cert);
    expect(told).toBe(1);
  });

  it('with a broken new pair keep the old one, say so once, and take the next good one', async () => {
    const first = selfSigned();
    put(first);
    const files = open();
    const errors = () => lines.filter(({ level }) => level === 50);
    put({ key: selfSigned().key });
    await waitFor(() => errors().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(errors()).toHaveLength(1);
    expect(errors()[0]?.reason).toContain('does not belong');
    expect(errors()[0]?.hint).toContain('issued together');
    expect(files.current().cert.toString()).toBe(first.cert);
    rmSync(certFile());
    await waitFor(() => errors().length > 1);
    expect(errors()[1]?.reason).toContain('cannot be read');
    const keys = newKeys();
    const second = selfSigned({ keys });
    put(second);
    utimesSync(certFile(), new Date(), new Date());
    await waitFor(() => files.current().cert.toString() === second.cert);
  });
});
