import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinedHeader, judgeHead, type RequestHead } from './request-head.js';

const head = (headers: [string, string][], target = '/'): RequestHead => ({
  method: 'GET',
  path: target,
  query: '',
  headers: [['host', 'a.example:8080'], ...headers],
});

describe('judgeHead', () => {
  it.each([
    [[], { kind: 'none' }],
    [[['content-length', '0']], { kind: 'none' }],
    [[['content-length', '17']], { kind: 'length', bytes: 17 }],
    [[['content-length', '999999999999999']], { kind: 'length', bytes: 999_999_999_999_999 }],
    [[['transfer-encoding', 'Chunked']], { kind: 'chunked' }],
  ] as [[string, string][], object][])('finds where the body ends: %j', (headers, framing) => {
    expect(judgeHead(head(headers), 16_384)).toEqual({ accepted: true, framing });
  });

  it.each([
    [[['content-length', '1e3']]],
    [[['content-length', '9999999999999999']]],
    [[['transfer-encoding', 'chunked, chunked']]],
    [[['transfer-encoding', '']]],
    [[['host', 'a']]],
    [[['x', 'a\u0001']]],
    [[['', 'a']]],
  ] as [[string, string][]][])('refuses %j', (headers) => {
    expect(judgeHead(head(headers), 16_384)).toMatchObject({ accepted: false, status: 400 });
  });

  it('bounds a head by its bytes and its lines', () => {
    expect(judgeHead(head([['x', 'a'.repeat(2000)]]), 1000)).toMatchObject({ status: 431 });
    const lines = Array.from({ length: 101 }, (_, i): [string, string] => [`x${i}`, '']);
    expect(judgeHead(head(lines), 100_000)).toMatchObject({ status: 431 });
  });

  it('never accepts what two readers could read differently', () => {
    const names = fc.constantFrom('content-length', 'transfer-encoding', 'host', 'x');
    const values = fc.oneof(fc.string(), fc.constantFrom('chunked', '3', '0', 'a'), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(names, values), { maxLength: 5 }),
        fc.string({ unit: 'binary' }),
        (headers, path) => {
          const verdict = judgeHead({ method: 'GET', path: `/${path}`, query: '', headers }, 16_384);
          if (!verdict.accepted) return;
          const framing = headers.filter(([name]) => name === 'content-length' || name === 'transfer-encoding');
          expect(framing.length).toBeLessThanOrEqual(1);
          expect(headers.filter(([name]) => name === 'host')).toHaveLength(1);
          expect(path).toMatch(/^[\x21-\x7e]*$/);
          for (const [, value] of headers) expect(value).not.toMatch(/[\r\n\0]/);
        },
      ),
    );
  });
});

describe('joinedHeader', () => {
  it('joins in order, and tells absent from empty', () => {
    const headers: [string, string][] = [
      ['a', '1'],
      ['b', ''],
      ['a', '2'],
    ];
    expect(joinedHeader(headers, 'a')).toBe('1, 2');
    expect(joinedHeader(headers, 'b')).toBe('');
    expect(joinedHeader(headers, 'c')).toBeUndefined();
  });
});
