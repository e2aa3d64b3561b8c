/** Reads a certificate and its key from PEM files, and judges whether a TLS server can serve them. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../telemetry/failure.js';

export interface CertificatePair {
  /** PEM: the certificate, then its chain. */
  readonly cert: Buffer;
  /** PEM. */
  readonly key: Buffer;
  /** On one line, for people. */
  readonly subject: string;
  /** Epoch ms. */
  readonly startsAt: number;
  readonly expiresAt: number;
}

export type PairVerdict =
  | { readonly ok: true; readonly pair: CertificatePair }
  | { readonly ok: false; readonly message: string; readonly hint: string };

/** A chain of several certificates with large keys is about 20 KiB. */
const fileBytesMax = 1024 * 1024;

type Step<Value> = { readonly ok: true; readonly value: Value } | Extract<PairVerdict, { ok: false }>;

export function readCertificatePair(certFile: string, keyFile: string): PairVerdict {
  const cert = read(certFile, 'certificate');
  if (!cert.ok) return cert;
  const key = read(keyFile, 'key');
  if (!key.ok) return key;
  return judgePair({ cert: cert.value, key: key.value }, certFile, keyFile);
}

function judgePair(pem: { cert: Buffer; key: Buffer }, certFile: string, keyFile: string): PairVerdict {
  const certificate = attempt(
    () => new X509Certificate(pem.cert),
    `${certFile} holds no certificate`,
    'The certificate file must be PEM (-----BEGIN CERTIFICATE-----), the certificate of this box first, then its chain.',
  );
  if (!certificate.ok) return certificate;
  const key = attempt(
    () => createPrivateKey(pem.key),
    `${keyFile} holds no private key that can be read`,
    'The key file must be PEM (-----BEGIN PRIVATE KEY-----) and have no passphrase (openssl pkey -in FILE -out NEW removes one).',
  );
  if (!key.ok) return key;
  const { subject, validFrom, validTo } = certificate.value;
  if (!certificate.value.checkPrivateKey(key.value)) {
    const hint =
      'Give the certificate and the key that were issued together; the certificate of this box must stand first in its file.';
    return { ok: false, message: `the key in ${keyFile} does not belong to the certificate in ${certFile}`, hint };
  }
  const served = attempt(
    () => createSecureContext(pem),
    `${certFile} and ${keyFile} cannot be served`,
    'The cause says what OpenSSL refuses; keys below 2048 bits (RSA) and SHA-1 signatures are too weak.',
  );
  if (!served.ok) return served;
  const times = { startsAt: Date.parse(validFrom), expiresAt: Date.parse(validTo) };
  return { ok: true, pair: { ...pem, subject: subject?.replaceAll('\n', ', ') ?? '', ...times } };
}

function attempt<Value>(act: () => Value, message: string, hint: string): Step<Value> {
  try {
    return { ok: true, value: act() };
  } catch (error) {
    return { ok: false, message: `${message}: ${messageOf(error)}`, hint };
  }
}

function read(path: string, what: string): Step<Buffer> {
  return attempt(
    () => readBounded(path),
    `the ${what} file ${path} cannot be read`,
    `Check the path, and that the user who runs Headwater may read it (keys are often for root alone: give it the group, or a copy).`,
  );
}

function readBounded(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is no file');
    const bytes = Buffer.alloc(fileBytesMax + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    if (length > fileBytesMax) throw new Error('it is larger than 1 MiB');
    return Buffer.from(bytes.subarray(0, length));
  } finally {
    closeSync(file);
  }
}
