/** Self-signed certificates for tests, written byte by byte (X.509 in DER), so that no test needs a program for them. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

interface TestPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

/** One for `localhost` and 127.0.0.1, valid for a day unless other times are given (epoch ms). */
export function selfSigned(
  options: {
    name?: string;
    from?: number;
    until?: number;
    keys?: { publicKey: KeyObject; privateKey: KeyObject };
  } = {},
): TestPair {
  const { name = 'localhost', from = Date.now() - 60_000, until = Date.now() + 86_400_000 } = options;
  const { publicKey, privateKey } = options.keys ?? newKeys();
  const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
  const subject = sequence(set(sequence(objectId('550403'), der(0x0c, Buffer.from(name)))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    subject,
    sequence(time(from), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(alternativeNames(name))),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]));
  const whole = sequence(body, ecdsaWithSha256, signature).toString('base64');
  const cert = `-----BEGIN CERTIFICATE-----\n${whole.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

export function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function alternativeNames(name: string): Buffer {
  const dnsName = der(0x82, Buffer.from(name));
  const loopback = der(0x87, Buffer.from([127, 0, 0, 1]));
  return sequence(objectId('551d11'), der(0x04, sequence(dnsName, loopback)));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 256) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 255]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const set = (...parts: Buffer[]) => der(0x31, Buffer.concat(parts));
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
/** UTCTime (RFC 5280 §4.1.2.5.1, which browsers hold to before 2050): `260101000000Z`. */
const time = (at: number) =>
  der(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
