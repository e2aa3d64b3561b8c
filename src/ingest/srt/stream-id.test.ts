import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readStreamId } from './stream-id.js';

const wish = (streamKey: string, channel: string | null = null, backup = false) => ({
  ok: true,
  wish: { streamKey, channel, backup },
});
const refused = (reason: string) => ({ ok: false, reason });

it.each([
  ['key-hall', wish('key-hall')],
  ['key-hall?backup=1', wish('key-hall', null, true)],
  ['key-hall?backup=0', wish('key-hall')],
  ['#!::r=hall,m=publish,s=key-hall', wish('key-hall', 'hall')],
  ['#!::r=hall,m=publish,s=key-hall,backup=1', wish('key-hall', 'hall', true)],
  ['#!::s=key-hall,u=me,t=stream,x_y=z', wish('key-hall')],
  ['#!::r=hall,m=request,s=key-hall', refused('mode')],
  ['#!::r=hall,m=bidirectional,s=key-hall', refused('mode')],
  ['#!::m=publish,t=file,s=key-hall', refused('type')],
  ['#!::r=hall,m=publish', refused('malformed')],
  ['#!::r=,m=publish,s=key-hall', refused('malformed')],
  ['#!::m=publish,s=one,s=two', refused('malformed')],
  ['#!::m', refused('malformed')],
  ['#!{m=publish,s=key-hall}', refused('malformed')],
  ['', refused('malformed')],
  ['?backup=1', refused('malformed')],
  ['a key', refused('malformed')],
  ['key?a?b', refused('malformed')],
  ['key\0hall', refused('malformed')],
  [`#!::s=key,x=${'y'.repeat(600)}`, refused('malformed')],
])('%j', (streamId, expected) => {
  expect(readStreamId(streamId)).toEqual(expected);
});

it('finds every key that it is given in either form', () => {
  const key = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
  fc.assert(
    fc.property(key, fc.boolean(), (streamKey, backup) => {
      expect(readStreamId(`${streamKey}${backup ? '?backup=1' : ''}`)).toEqual(wish(streamKey, null, backup));
      const standard = `#!::r=c,m=publish,s=${streamKey}${backup ? ',backup=1' : ''}`;
      expect(readStreamId(standard)).toEqual(wish(streamKey, 'c', backup));
    }),
  );
});

it('never throws, whatever comes, and never gives out a key that is none', () => {
  const anything = fc.oneof(
    fc.string({ maxLength: 600 }),
    fc.string({ maxLength: 100 }).map((text) => `#!::${text}`),
  );
  fc.assert(
    fc.property(anything, (streamId) => {
      const read = readStreamId(streamId);
      if (read.ok) expect(read.wish.streamKey).toMatch(/^[\x21-\x7e]{1,256}$/);
    }),
  );
});
