import { again, type Cases, type Fields, imf, play, type Step } from './script.fixture.js';

/** Which statuses may be kept, and on what grounds (RFC 9111 §3, §4.2.2; RFC 9110 §15.1). */

const of = (
  statuses: readonly number[],
  fields: Fields,
  gets: Step['gets'],
  more: Parameters<typeof again>[2] = {},
): Cases =>
  Object.fromEntries(statuses.map((status) => [String(status), again(fields, gets, { ...more, first: status })]));

const final = [
  ...[200, 201, 202, 203, 204, 205, 207, 226, 299, 300, 301, 302, 303, 307, 308, 399],
  ...[
    400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 416, 417, 418, 421, 422, 425, 426, 428, 429,
    431, 451, 499,
  ],
  ...[500, 501, 502, 503, 504, 505, 511, 599],
];
const guessable = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const others = final.filter((status) => !guessable.includes(status) && status !== 205);
const longAgo = { 'last-modified': imf(-100_000) };
const failures = [500, 502, 503, 504];

const briefly: Cases = {
  '404 that says nothing': again({}, 'kept', { first: 404 }),
  '410 that says nothing': again({}, 'kept', { first: 410 }),
  'for a second': again({}, 'new', { first: 404, laterSec: 1 }),
  'not to credentials': [
    { says: { status: 404 }, asks: { fields: { authorization: 'Basic YTpi' } }, gets: 'new' },
    { gets: 'new' },
  ],
  'not where it has a cookie': again({ 'set-cookie': 'a=1' }, 'new', { first: 404 }),
  'not under no-store': again({ 'cache-control': 'no-store' }, 'new', { first: 404 }),
  'not under no-cache': again({ 'cache-control': 'no-cache' }, 'new', { first: 404 }),
  'not where it says zero': again({ 'cache-control': 'max-age=0' }, 'new', { first: 404 }),
  'not 403': again({}, 'new', { first: 403 }),
  'not 200': again({}, 'new'),
};

play({
  'is kept with a lifetime': of(final, { 'cache-control': 'max-age=60' }, 'kept'),
  'is kept with Expires': of(final, { expires: imf(60) }, 'kept'),
  'is not kept past it': of(
    final.filter((status) => !failures.includes(status)),
    { 'cache-control': 'max-age=60' },
    'new',
    { laterSec: 61 },
  ),
  'is kept on a guess': of(guessable, longAgo, 'kept', { laterSec: 9000 }),
  'is not kept on a guess': of(others, longAgo, 'new'),
  'is kept on a guess where it is public': of([302, 307, 403, 500], { ...longAgo, 'cache-control': 'public' }, 'kept'),
  'is not kept under no-store': of([200, 301, 404, 410, 500], { 'cache-control': 'no-store, max-age=60' }, 'new'),
  'is not kept where its status must be understood': of(
    [299, 499, 599],
    { 'cache-control': 'max-age=60, must-understand' },
    'new',
  ),
  'is kept briefly': briefly,
});
