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

play({ 'a part that came unasked': parts });
