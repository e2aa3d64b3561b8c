import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readIceFragment } from './ice-fragment.js';

it('gives the candidates of a fragment', () => {
  const text = [
    'a=ice-ufrag:EsAw',
    'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
    'm=audio 9 RTP/AVP 0',
    'a=mid:0',
    'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1',
    'a=candidate:3471623853 1 udp 2122194687 8e1f.local 61765 typ host',
    'a=end-of-candidates',
    '',
  ].join('\r\n');
  expect(readIceFragment(text)).toEqual({
    iceUfrag: 'EsAw',
    candidates: ['candidate:1387637174 1 UDP 2122260223 192.0.2.1 61764 typ host'],
  });
});

it('refuses what is none, and never holds more candidates than a host has', () => {
  for (const text of ['', 'hello', 'a=mid:0\r\n', 'a=ice-ufrag:x\r\n', 'a=ice-ufrag:EsAw\r\nnonsense']) {
    expect(readIceFragment(text)).toBeNull();
  }
  const many = Array.from({ length: 200 }, (_, port) => `a=candidate:1 1 udp 1 192.0.2.1 ${port + 1} typ host`);
  expect(readIceFragment(['a=ice-ufrag:EsAw', ...many].join('\n'))?.candidates).toHaveLength(32);
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      expect(readIceFragment(`a=ice-ufrag:EsAw\na=candidate:${text}`)?.candidates.length ?? 0).toBeLessThanOrEqual(1);
    }),
  );
});
