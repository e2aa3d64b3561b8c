import { type Cases, type Fields, imf, play, type Step } from './script.fixture.js';

/** Ranges of what is kept (RFC 9110 §14, §13.1.5; RFC 9111 §3.4). The body is ten bytes. */

const says = (fields: Fields = {}, status = 200): Step['says'] => ({
  status,
  fields: { 'cache-control': 'max-age=60', etag: '"a"', ...fields },
  body: '0123456789',
});
const whole: Step = { says: says(), gets: 'new' };
const range = (value: string, body: string | null, more: Partial<Step> = {}): Step => ({
  asks: { fields: { range: value } },
  gets: 'kept',
  status: 206,
  body,
  ...more,
});
const part = (value: string, body: string, place: string): Step[] => [
  whole,
  range(value, body, {
    sees: { 'content-range': `bytes ${place}`, 'content-length': String(body.length), etag: '"a"' },
  }),
];
const all = (value: string): Step[] => [
  whole,
  range(value, '0123456789', { status: 200, sees: { 'content-range': null } }),
];
const none = (value: string): Step[] => [
  whole,
  range(value, null, { status: 416, sees: { 'content-range': 'bytes */10' } }),
];

const read: Cases = {
  'bytes=0-0': part('bytes=0-0', '0', '0-0/10'),
  'bytes=2-4': part('bytes=2-4', '234', '2-4/10'),
  'bytes=7-': part('bytes=7-', '789', '7-9/10'),
  'bytes=0-': part('bytes=0-', '0123456789', '0-9/10'),
  'bytes=-3': part('bytes=-3', '789', '7-9/10'),
  'bytes=-99': part('bytes=-99', '0123456789', '0-9/10'),
  'bytes=8-99': part('bytes=8-99', '89', '8-9/10'),
  'bytes=8-99999999999999999999': part('bytes=8-99999999999999999999', '89', '8-9/10'),
  'a unit in capitals': part('BYTES=2-4', '234', '2-4/10'),
  'leading zeros': part('bytes=0002-004', '234', '2-4/10'),
  'empty members': part('bytes=,2-4,', '234', '2-4/10'),
  'two that touch are one': part('bytes=0-1,2-4', '01234', '0-4/10'),
  'two that overlap are one': part('bytes=0-5,2-8', '012345678', '0-8/10'),
  'two, one of which exists': part('bytes=2-4,20-30', '234', '2-4/10'),
  'two apart': [
    whole,
    range('bytes=0-1,5-6', null, {
      sees: { 'content-type': /^multipart\/byteranges; boundary=/, 'content-range': null },
    }),
  ],
  'bytes=10-': none('bytes=10-'),
  'bytes=99999999999999999999-': none('bytes=99999999999999999999-'),
  'bytes=-0': none('bytes=-0'),
  'two that do not exist': none('bytes=10-11,20-30'),
  'bytes=4-2 is no range': all('bytes=4-2'),
  'bytes=a-b is no range': all('bytes=a-b'),
  'bytes=- is no range': all('bytes=-'),
  'bytes= is no range': all('bytes='),
  'another unit is no range': all('lines=2-4'),
  'one that is no range beside one that is': all('bytes=0-1,b'),
  'more than 32': all(`bytes=${Array.from({ length: 33 }, (_, at) => `${at}-${at}`).join(',')}`),
  'of HEAD says nothing (§14.2)': [
    whole,
    {
      asks: { method: 'HEAD', fields: { range: 'bytes=2-4' } },
      gets: 'kept',
      sees: { 'content-length': '10', 'content-range': null },
    },
  ],
  'of another status says nothing': [
    { says: says({}, 404), gets: 'new' },
    { asks: { fields: { range: 'bytes=2-4' } }, gets: 'kept', status: 404, body: '0123456789' },
  ],
  'with a condition that holds': [
    whole,
    { asks: { fields: { range: 'bytes=2-4', 'if-none-match': '"a"' } }, gets: 'kept', status: 304, body: '' },
  ],
};

const dated = { 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' };
const only = (ifRange: string | ((now: number) => string), gets: 200 | 206, kept: Fields = dated): Step[] => [
  { says: says(kept), gets: 'new' },
  {
    asks: { fields: { range: 'bytes=2-4', 'if-range': ifRange } },
    gets: 'kept',
    status: gets,
    body: gets === 206 ? '234' : '0123456789',
  },
];
const ifRange: Cases = {
  'the tag': only('"a"', 206),
  'another tag': only('"b"', 200),
  'the tag, weak': only('W/"a"', 200),
  'the tag where that is weak': only('W/"a"', 200, { etag: 'W/"a"' }),
  'a strong form of a weak tag': only('"a"', 200, { etag: 'W/"a"' }),
  'a list of tags': only('"a", "b"', 200),
  'the date': only('Sun, 06 Nov 1994 08:49:37 GMT', 206),
  'the date in another form': only('Sunday, 06-Nov-94 08:49:37 GMT', 206),
  'a later date': only('Sun, 06 Nov 1994 08:49:38 GMT', 200),
  'an earlier date': only('Sun, 06 Nov 1994 08:49:36 GMT', 200),
  'a date that is as young as the answer': only(imf(0), 200, { 'last-modified': imf(0) }),
  'a date where there is none': only('Sun, 06 Nov 1994 08:49:37 GMT', 200, {}),
  'what is neither': only('a', 200),
};

const cold: Cases = {
  'is fetched whole, and answered in part': [
    {
      ...range('bytes=2-4', '234', { gets: 'new' }),
      says: says(),
      brings: { range: null },
      sees: { 'content-range': /^bytes 2-4\/(?:10|\*)$/ },
    },
    range('bytes=5-6', '56'),
    { asks: {}, gets: 'kept', status: 200, body: '0123456789' },
  ],
  'that does not exist': [
    { ...range('bytes=20-', null, { gets: 'new', status: 416 }), says: says() },
    { asks: {}, gets: 'kept', status: 200, body: '0123456789' },
  ],
  'of what is stale is confirmed first': [
    whole,
    range('bytes=2-4', '234', { laterSec: 61, gets: 'confirmed', brings: { range: null, 'if-none-match': '"a"' } }),
  ],
  'of what may not be kept goes to its client': [
    {
      ...range('bytes=2-4', null, { status: 200, gets: 'new', asked: 2 }),
      says: says({ 'cache-control': 'no-store' }),
    },
  ],
};

play({ 'a range': read, 'If-Range': ifRange, 'a range of what is not here': cold });
