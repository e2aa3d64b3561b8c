import { type Cases, type Fields, play, type Step } from './script.fixture.js';

const says = (fields: Fields = {}, status = 200): Step['says'] => ({
  status,
  fields: { 'cache-control': 'max-age=60', etag: '"a"', ...fields },
  body: '0123456789',
});
const range = (value: string, body: string | null, more: Partial<Step> = {}): Step => ({
  asks: { fields: { range: value } },
  gets: 'kept',
  status: 206,
  body,
  ...more,
});
/** The origin sends a part though it was asked for the whole. */
const sends = (place: string, body: string, fields: Fields = {}): Step['says'] => ({
  status: 206,
  fields: { 'cache-control': 'max-age=60', etag: '"a"', 'content-range': `bytes ${place}`, ...fields },
  body,
});
const first = (value: string, place: string, body: string, fields: Fields = {}): Step => ({
  ...range(value, body, { gets: 'new', sees: { 'content-range': `bytes ${place}` } }),
  says: sends(place, body, fields),
});
const whole = (body: string, gets: Step['gets'], more: Partial<Step> = {}): Step => ({
  asks: {},
  gets,
  status: 200,
  body,
  sees: { 'content-range': null },
  ...more,
});
const parts: Cases = {
  'answers the same range': [
    first('bytes=2-6', '2-6/10', '23456'),
    range('bytes=2-6', '23456', { sees: { 'content-range': 'bytes 2-6/10' } }),
  ],
  'answers a part of it': [
    first('bytes=2-6', '2-6/10', '23456'),
    range('bytes=3-4', '34', { sees: { 'content-range': 'bytes 3-4/10' } }),
  ],
  'answers a suffix': [
    first('bytes=-5', '5-9/10', '56789'),
    range('bytes=-5', '56789'),
    range('bytes=7-', '789'),
    range('bytes=-2', '89'),
  ],
  'does not answer a range beyond it': [
    first('bytes=2-6', '2-6/10', '23456'),
    { ...range('bytes=5-8', '5678', { gets: 'new' }), says: sends('5-8/10', '5678') },
  ],
  'does not answer for the whole': [first('bytes=2-6', '2-6/10', '23456'), { says: says(), asks: {}, gets: 'new' }],
  'gives way to the whole': [
    first('bytes=2-6', '2-6/10', '23456'),
    { says: says(), asks: {}, gets: 'new' },
    range('bytes=0-1', '01'),
  ],
  'ends with its lifetime': [
    first('bytes=2-6', '2-6/10', '23456'),
    { ...first('bytes=2-6', '2-6/10', '23456'), laterSec: 61 },
  ],
  'is not kept without a lifetime': [
    first('bytes=2-6', '2-6/10', '23456', { 'cache-control': 'public' }),
    first('bytes=2-6', '2-6/10', '23456'),
  ],
  'is not kept under no-store': [
    first('bytes=2-6', '2-6/10', '23456', { 'cache-control': 'no-store' }),
    first('bytes=2-6', '2-6/10', '23456'),
  ],
  'is not kept where it says no place that can be read': [
    { ...range('bytes=2-6', '23456', { gets: 'new' }), asked: 2, says: sends('a', '23456') },
    first('bytes=2-6', '2-6/10', '23456'),
  ],
  'is forgotten with its address': [
    first('bytes=2-6', '2-6/10', '23456'),
    { says: { status: 204 }, asks: { method: 'POST' }, gets: 'new' },
    first('bytes=2-6', '2-6/10', '23456'),
  ],
  'says nothing to HEAD': [
    first('bytes=2-6', '2-6/10', '23456'),
    {
      asks: { method: 'HEAD', fields: { range: 'bytes=2-3' } },
      says: says(),
      gets: 'new',
      sees: { 'content-range': null },
    },
  ],
  'that does not fit If-Range is kept, and not sent': [
    {
      asks: { fields: { range: 'bytes=2-6', 'if-range': '"b"' } },
      says: [sends('2-6/10', '23456') ?? {}, says() ?? {}].flat(),
      gets: 'new',
      asked: 2,
    },
    range('bytes=2-3', '23'),
  ],
  'answers If-Range by its tag': [
    first('bytes=2-6', '2-6/10', '23456'),
    range('bytes=2-3', '23', { asks: { fields: { range: 'bytes=2-3', 'if-range': '"a"' } } }),
    { asks: { fields: { range: 'bytes=2-3', 'if-range': '"b"' } }, says: says(), gets: 'new' },
  ],
};

const together: Cases = {
  'where they touch': [
    first('bytes=2-4', '2-4/10', '234'),
    first('bytes=5-6', '5-6/10', '56'),
    range('bytes=3-6', '3456', { sees: { 'content-range': 'bytes 3-6/10' } }),
  ],
  'where they touch, the later one in front': [
    first('bytes=5-6', '5-6/10', '56'),
    first('bytes=2-4', '2-4/10', '234'),
    range('bytes=2-6', '23456'),
  ],
  'where they overlap': [
    first('bytes=0-5', '0-5/10', '012345'),
    first('bytes=3-7', '3-7/10', '34567'),
    range('bytes=1-7', '1234567'),
  ],
  'where one lies in the other': [
    first('bytes=3-4', '3-4/10', '34'),
    first('bytes=2-6', '2-6/10', '23456'),
    range('bytes=2-6', '23456'),
  ],
  'where one closes the gap between two': [
    first('bytes=0-2', '0-2/10', '012'),
    first('bytes=6-7', '6-7/10', '67'),
    range('bytes=1-2', '12'),
    range('bytes=6-6', '6'),
    first('bytes=2-6', '2-6/10', '23456'),
    range('bytes=0-7', '01234567'),
  ],
  'to the whole': [
    first('bytes=0-4', '0-4/10', '01234'),
    first('bytes=5-9', '5-9/10', '56789'),
    whole('0123456789', 'kept'),
    range('bytes=4-5', '45'),
    { asks: { method: 'HEAD' }, gets: 'kept', status: 200, sees: { 'content-length': '10' } },
    { asks: { fields: { 'if-none-match': '"a"' } }, gets: 'kept', status: 304 },
  ],
  'to the whole, of one that is all': [first('bytes=0-9', '0-9/10', '0123456789'), whole('0123456789', 'kept')],
  'with the fields of the later one, and its lifetime': [
    first('bytes=0-4', '0-4/10', '01234', { 'x-a': '1', 'x-b': '1' }),
    { ...first('bytes=5-9', '5-9/10', '56789', { 'x-b': '2' }), laterSec: 50 },
    whole('0123456789', 'kept', { laterSec: 50, sees: { 'x-a': '1', 'x-b': '2', age: '50' } }),
  ],
  'but not under another tag: the older is forgotten': [
    first('bytes=0-4', '0-4/10', '01234'),
    first('bytes=5-9', '5-9/10', 'fghij', { etag: '"b"' }),
    { ...range('bytes=0-4', 'abcde', { gets: 'new' }), says: sends('0-4/10', 'abcde', { etag: '"b"' }) },
    whole('abcdefghij', 'kept'),
  ],
  'but not of another length': [
    first('bytes=0-4', '0-4/10', '01234'),
    first('bytes=5-10', '5-10/11', '56789a'),
    first('bytes=0-4', '0-4/10', '01234'),
  ],
  'but not under a weak tag, each for itself': [
    first('bytes=0-4', '0-4/10', '01234', { etag: 'W/"a"' }),
    first('bytes=5-9', '5-9/10', '56789', { etag: 'W/"a"' }),
    range('bytes=0-4', '01234'),
    range('bytes=5-9', '56789'),
    { ...whole('0123456789', 'new', { brings: { range: null } }), says: says() },
  ],
  'but not without a tag': [
    first('bytes=0-4', '0-4/10', '01234', { etag: [] }),
    first('bytes=5-9', '5-9/10', '56789', { etag: [] }),
    { ...whole('0123456789', 'new', { brings: { range: null } }), says: says() },
  ],
  'not after their address was changed': [
    first('bytes=0-4', '0-4/10', '01234'),
    { says: { status: 204 }, asks: { method: 'POST' }, gets: 'new' },
    first('bytes=5-9', '5-9/10', '56789'),
    { ...whole('0123456789', 'new', { brings: { range: 'bytes=0-4' } }), says: sends('0-4/10', '01234') },
  ],
  'eight of an address at most, the newest': [
    ...[0, 2, 4, 6, 8, 10, 12, 14, 16].map((at) => first(`bytes=${at}-${at}`, `${at}-${at}/20`, 'x')),
    range('bytes=2-2', 'x'),
    range('bytes=16-16', 'x'),
    first('bytes=0-0', '0-0/20', 'x'),
  ],
};

/** It has one part, and is asked for the whole. */
const completed = (part: Step, says: Step['says'], more: Partial<Step>): Step[] => [
  part,
  whole('0123456789', 'new', { says, ...more }),
  whole('0123456789', 'kept'),
];
const beginning = first('bytes=0-4', '0-4/10', '01234');
const end = first('bytes=-5', '5-9/10', '56789');
const missing: Cases = {
  'the end': completed(beginning, sends('5-9/10', '56789'), {
    brings: { range: 'bytes=5-', 'if-range': '"a"' },
    sees: { 'content-range': null, 'content-length': '10', 'cache-status': /fwd=partial; fwd-status=206; stored/ },
  }),
  'the beginning': completed(end, sends('0-4/10', '01234'), { brings: { range: 'bytes=0-4', 'if-range': '"a"' } }),
  'the end, though what is kept is stale': completed(beginning, sends('5-9/10', '56789'), {
    ...{ laterSec: 100, brings: { range: 'bytes=5-', 'if-range': '"a"' } },
    sees: { age: '0' },
  }),
  'the end, with the fields of both': completed(
    first('bytes=0-4', '0-4/10', '01234', { 'x-a': '1', 'x-b': '1' }),
    sends('5-9/10', '56789', { 'x-b': '2' }),
    { sees: { 'x-a': '1', 'x-b': '2' } },
  ),
  'the end, and a condition that it answers': [
    beginning,
    {
      says: sends('5-9/10', '56789'),
      asks: { fields: { 'if-none-match': '"a"' } },
      gets: 'new',
      status: 304,
      brings: { range: 'bytes=5-', 'if-none-match': null },
    },
    whole('0123456789', 'kept'),
  ],
  'the end, but the origin has another body now': [
    beginning,
    { says: { fields: { 'cache-control': 'max-age=60', etag: '"b"' }, body: 'abc' }, asks: {}, gets: 'new' },
    whole('abc', 'kept'),
    range('bytes=0-1', 'ab'),
  ],
  'the end, but the origin sends that of another body': [
    beginning,
    whole('0123456789', 'new', {
      says: [sends('5-9/10', 'fghij', { etag: '"b"' }) ?? {}, says() ?? {}].flat(),
      asked: 2,
    }),
    whole('0123456789', 'kept'),
  ],
  'the end, but the origin sends another part': [
    beginning,
    whole('0123456789', 'new', { says: [sends('6-9/10', '6789') ?? {}, says() ?? {}].flat(), asked: 2 }),
  ],
  'the end, but the origin has no such range': [
    beginning,
    whole('0123456789', 'new', { says: [{ status: 416 }, says() ?? {}].flat(), asked: 2 }),
  ],
  'the end, but the origin has failed: it is asked for again': [
    beginning,
    { says: { status: 503 }, asks: {}, gets: 'new' },
    whole('0123456789', 'new', { says: sends('5-9/10', '56789'), brings: { range: 'bytes=5-' } }),
  ],
  'both sides: it is asked for whole': [
    first('bytes=2-6', '2-6/10', '23456'),
    whole('0123456789', 'new', { says: says(), brings: { range: null, 'if-range': null } }),
  ],
  'the end, asked for by HEAD, which brings nothing': [
    beginning,
    { says: says(), asks: { method: 'HEAD' }, gets: 'new', brings: { range: null } },
  ],
};

play({ 'a part that came unasked': parts, 'parts are put together': together, 'of a part is missing': missing });
