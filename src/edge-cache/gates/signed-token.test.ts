import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIpAddress } from './ip-address.js';
import { type Claims, denialOf, readToken, type SigningKey, writeToken } from './signed-token.js';

const now: SigningKey = { id: 'k2', secret: 'the secret of this month' };
const before: SigningKey = { id: 'k1', secret: 'the secret of the last one' };
const claims: Claims = { exp: 1000, paths: ['/vod/v_1/', '/poster.jpg'], nets: ['192.0.2.0/24', '2001:db8::/32'] };

const granted = (token: string) => {
  const read = readToken(token, [now, before]);
  if (read.kind !== 'grant') throw new Error(read.kind);
  return read.grant;
};
/** As any program makes one. */
const signed = (payload: string, { id, secret }: SigningKey = now) => {
  const text = `1.${id}.${Buffer.from(payload).toString('base64url')}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};

describe('a token', () => {
  it('is what its format says', () => {
    expect(writeToken(now, claims)).toBe(signed(JSON.stringify(claims)));
  });

  it('is read with whichever key signed it', () => {
    for (const key of [now, before]) expect(readToken(writeToken(key, claims), [now, before]).kind).toBe('grant');
    expect(readToken(writeToken(before, claims), [now]).kind).toBe('unknown-key');
    const other = { ...now, secret: 'of somebody else entirely' };
    expect(readToken(writeToken(other, claims), [now]).kind).toBe('bad-signature');
  });

  it('is bad with any character changed', () => {
    const token = writeToken(now, claims);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~ "';
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...alphabet), (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        fc.pre(changed !== token);
        expect(readToken(changed, [now, before]).kind).not.toBe('grant');
      }),
      { numRuns: 500 },
    );
  });

  it('is malformed as any other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readToken(text, [now]).kind).toBe('malformed');
      }),
    );
    expect(readToken(signed(JSON.stringify({ ...claims, more: 'x'.repeat(2000) })), [now]).kind).toBe('malformed');
  });

  it.each([
    '',
    'null',
    '{}',
    '[]',
    '{"exp":"1000","paths":["/a"]}',
    '{"exp":1e99,"paths":["/a"]}',
    '{"exp":1000,"paths":[]}',
    '{"exp":1000,"paths":"/a"}',
    '{"exp":1000,"paths":["a"]}',
    '{"exp":1000,"paths":["/a\\r\\nset-cookie: x"]}',
    '{"exp":1000,"paths":["/\\ud800"]}',
    '{"exp":1000,"paths":["/a"],"nets":["everywhere"]}',
    '{"exp":1000,"paths":["/a"],"nets":"192.0.2.0/24"}',
  ])('is malformed with claims like %s, whoever signed them', (payload) => {
    expect(readToken(signed(payload), [now]).kind).toBe('malformed');
  });

  it('never throws over what somebody signed', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (payload) => void readToken(signed(payload), [now])));
  });
});

describe('what it allows', () => {
  const denial = (path: string, client: string | null, nowSec: number) =>
    denialOf(granted(writeToken(now, claims)), {
      path,
      client: client === null ? null : readIpAddress(client),
      nowSec,
    });

  it('is for a time', () => {
    expect(denial('/poster.jpg', '192.0.2.1', 999)).toBeNull();
    expect(denial('/poster.jpg', '192.0.2.1', 1000)).toBe('expired');
  });

  it('is all in a folder, or one address', () => {
    expect(denial('/vod/v_1/a/b.m4s', '192.0.2.1', 0)).toBeNull();
    expect(denial('/vod/v_10/index.m3u8', '192.0.2.1', 0)).toBe('wrong-path');
    expect(denial('/poster.jpg2', '192.0.2.1', 0)).toBe('wrong-path');
  });

  it('is for networks', () => {
    expect(denial('/poster.jpg', '2001:db8::1', 0)).toBeNull();
    expect(denial('/poster.jpg', '::ffff:192.0.2.1', 0)).toBeNull();
    expect(denial('/poster.jpg', '192.0.3.1', 0)).toBe('wrong-network');
    expect(denial('/poster.jpg', null, 0)).toBe('wrong-network');
  });

  it('is for everybody where it names none', () => {
    const grant = granted(writeToken(now, { exp: 1000, paths: ['/'] }));
    expect(denialOf(grant, { path: '/x', client: readIpAddress('203.0.113.5'), nowSec: 0 })).toBeNull();
  });
});
