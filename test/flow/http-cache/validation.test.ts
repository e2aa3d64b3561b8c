import { again, asctime, type Cases, type Fields, imf, play, rfc850, type Step } from './script.fixture.js';

/** Conditions: the cache's own towards the origin (RFC 9111 §4.3), and clients' (RFC 9110 §13), answered from what is kept. */

const second = { 'cache-control': 'max-age=1' };
const minute = { 'cache-control': 'max-age=60' };
const modified = imf(-3600);

/** It is kept so, it is stale, and what goes upstream is this. */
const asksBy = (fields: Fields, brings: NonNullable<Step['brings']>, gets: Step['gets'] = 'confirmed') =>
  again({ ...second, ...fields }, gets, { laterSec: 5, brings });
const confirming: Cases = {
  'by a strong tag': asksBy({ etag: '"a"' }, { 'if-none-match': '"a"', 'if-modified-since': null }),
  'by a weak tag': asksBy({ etag: 'W/"a"' }, { 'if-none-match': 'W/"a"' }),
  'by an empty tag': asksBy({ etag: '""' }, { 'if-none-match': '""' }),
  'by a tag with odd signs': asksBy({ etag: '"a,b\\c W/"' }, { 'if-none-match': '"a,b\\c W/"' }),
  'by a date': asksBy(
    { 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' },
    { 'if-none-match': null, 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' },
  ),
  'by a date as it was written': asksBy(
    { 'last-modified': 'Sunday, 06-Nov-94 08:49:37 GMT' },
    { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' },
  ),
  'by both': asksBy(
    { etag: '"a"', 'last-modified': modified },
    { 'if-none-match': '"a"', 'if-modified-since': /GMT$/ },
  ),
  'not by a date that cannot be read': asksBy(
    { 'last-modified': 'yesterday' },
    { 'if-none-match': null, 'if-modified-since': null },
    'new',
  ),
  'by neither': asksBy({}, { 'if-none-match': null, 'if-modified-since': null }, 'new'),
  "not by the client's": [
    { says: { fields: { ...second, etag: '"a"' } }, gets: 'new' },
    {
      asks: { fields: { 'if-none-match': '"b"' } },
      laterSec: 5,
      gets: 'confirmed',
      brings: { 'if-none-match': '"a"' },
    },
  ],
  "not by the client's, though it is that it gets": [
    { says: { fields: { ...second, etag: '"a"' } }, gets: 'new' },
    { asks: { fields: { 'if-none-match': '"a"' } }, laterSec: 5, gets: 'confirmed', status: 304, body: '' },
  ],
};

/** It is kept with one validator, it is stale, and the origin answers so. */
const then = (kept: Fields, ...rest: Step[]): Step[] => [
  { says: { fields: { ...second, ...kept } }, gets: 'new' },
  ...rest,
];
const answers: Cases = {
  'a new answer replaces what is kept': then(
    { etag: '"a"' },
    { says: { fields: { ...minute, etag: '"b"' } }, laterSec: 5, gets: 'new' },
    { gets: 'kept', sees: { etag: '"b"' } },
  ),
  'a confirmation that repeats nothing': then(
    { etag: '"a"' },
    { says: { status: 304, fields: minute }, laterSec: 5, gets: 'confirmed' },
    { gets: 'kept' },
  ),
  'a confirmation of another tag is none': then(
    { etag: '"a"' },
    {
      says: [{ status: 304, fields: { ...minute, etag: '"b"' } }, { fields: { ...minute, etag: '"b"' } }],
      laterSec: 5,
      gets: 'new',
      asked: 2,
    },
    { gets: 'kept', sees: { etag: '"b"' } },
  ),
  'a confirmation of another date is none': then(
    { 'last-modified': imf(-9000) },
    {
      says: [{ status: 304, fields: { ...minute, 'last-modified': imf(-60) } }, { fields: minute }],
      laterSec: 5,
      gets: 'new',
      asked: 2,
    },
    { gets: 'kept' },
  ),
  'a confirmation of the same tag with another date': then(
    { etag: '"a"', 'last-modified': imf(-9000) },
    {
      says: { status: 304, fields: { ...minute, etag: '"a"', 'last-modified': imf(-60) } },
      laterSec: 5,
      gets: 'confirmed',
    },
  ),
  'a confirmation that forbids to keep it': then(
    { etag: '"a"' },
    {
      says: [{ status: 304, fields: { etag: '"a"', 'cache-control': 'no-store' } }, { fields: minute }],
      laterSec: 5,
      gets: 'new',
      asked: 2,
    },
  ),
  'a failure is passed on': then({ etag: '"a"' }, { says: { status: 503 }, laterSec: 5, gets: 'new' }),
  'a failure leaves it to be confirmed later': then(
    { etag: '"a"' },
    { says: { status: 503 }, laterSec: 5, gets: 'new' },
    { says: { fields: { ...minute, etag: '"a"' } }, gets: 'confirmed', status: 200, body: '1' },
  ),
  '404 replaces it': then(
    { etag: '"a"' },
    { says: { status: 404, fields: minute }, laterSec: 5, gets: 'new' },
    { gets: 'kept' },
  ),
  'a 304 that nobody asked for is passed on': [{ says: { status: 304, fields: minute }, gets: 'new' }],
};

/** With a tag and a date, fresh. */
const both: Fields = { ...minute, etag: '"a"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' };
const client = (asked: Fields, status: 200 | 304, kept: Fields = both): Step[] =>
  again(kept, 'kept', { asks: { fields: asked }, status, ...(status === 304 && { body: '' }) });
const inm = (value: string | string[], status: 200 | 304, kept: Fields = both) =>
  client({ 'if-none-match': value }, status, kept);
const ims = (value: Fields['a'] & {}, status: 200 | 304, kept: Fields = both) =>
  client({ 'if-modified-since': value }, status, kept);
const clients: Cases = {
  'If-None-Match: the tag': inm('"a"', 304),
  'If-None-Match: another': inm('"b"', 200),
  'If-None-Match: one in a list': inm('"b", "a"', 304),
  'If-None-Match: one in a list without spaces': inm('"b","a","c"', 304),
  'If-None-Match: one in two lines': inm(['"b"', '"a"'], 304),
  'If-None-Match: none of a list': inm('"b", "c"', 200),
  'If-None-Match: *': inm('*', 304),
  'If-None-Match: weak against strong (§8.8.3.2)': inm('W/"a"', 304),
  'If-None-Match: strong against weak': inm('"a"', 304, { ...minute, etag: 'W/"a"' }),
  'If-None-Match: weak against weak': inm('W/"a"', 304, { ...minute, etag: 'W/"a"' }),
  'If-None-Match: in another case': inm('"A"', 200),
  'If-None-Match: part of it': inm('"aa"', 200),
  'If-None-Match: a tag with a comma': inm('"x", "a,b"', 304, { ...minute, etag: '"a,b"' }),
  'If-None-Match: part of a tag with a comma': inm('"b"', 200, { ...minute, etag: '"a,b"' }),
  'If-None-Match: without quotes': inm('a', 200),
  'If-None-Match: without quotes against one without quotes': inm('a', 304, { ...minute, etag: 'a' }),
  'If-None-Match: where there is no tag': inm('"a"', 200, minute),
  'If-None-Match before If-Modified-Since (§13.2.2)': client(
    { 'if-none-match': '"b"', 'if-modified-since': imf(0) },
    200,
  ),
  'If-None-Match that holds before If-Modified-Since that does not': client(
    { 'if-none-match': '"a"', 'if-modified-since': imf(-1e9) },
    304,
  ),
  'If-Modified-Since: the same': ims('Sun, 06 Nov 1994 08:49:37 GMT', 304),
  'If-Modified-Since: later': ims(imf(0), 304),
  'If-Modified-Since: earlier': ims('Sun, 06 Nov 1994 08:49:36 GMT', 200),
  'If-Modified-Since: of RFC 850': ims(rfc850(0), 304),
  'If-Modified-Since: of asctime': ims(asctime(0), 304),
  'If-Modified-Since: what is no date': ims('yesterday', 200),
  'If-Modified-Since: by Date where there is no Last-Modified (RFC 9111 §4.3.2)': ims(imf(60), 304, minute),
  'If-Modified-Since: before Date where there is no Last-Modified': ims(imf(-60), 200, minute),
  'If-Modified-Since: of 404': again(minute, 'kept', {
    first: 404,
    asks: { fields: { 'if-modified-since': imf(60) } },
  }),
  'If-None-Match: of 404': again(both, 'kept', { first: 404, asks: { fields: { 'if-none-match': '*' } } }),
  'If-None-Match of HEAD': again(both, 'kept', {
    asks: { method: 'HEAD', fields: { 'if-none-match': '"a"' } },
    status: 304,
  }),
  '304 tells what guides caches (§15.4.5)': again(
    { ...both, vary: 'foo', 'content-location': '/b', expires: imf(60), a: '1' },
    'kept',
    {
      asks: { fields: { 'if-none-match': '"a"' } },
      status: 304,
      sees: {
        etag: '"a"',
        vary: 'foo',
        'cache-control': 'max-age=60',
        'content-location': '/b',
        expires: /GMT/,
        date: /GMT/,
        age: '0',
        a: null,
      },
    },
  ),
  '304 tells the date where there is no tag': again({ ...minute, 'last-modified': modified }, 'kept', {
    asks: { fields: { 'if-modified-since': imf(0) } },
    status: 304,
    sees: { 'last-modified': /GMT/ },
  }),
  'what is not kept yet is fetched whole, and then compared': [
    {
      says: { fields: both },
      asks: { fields: { 'if-none-match': '"a"' } },
      gets: 'new',
      status: 304,
      body: '',
      brings: { 'if-none-match': null },
    },
    { asks: {}, gets: 'kept' },
  ],
  'If-Match goes to the origin': [
    { says: { fields: both }, asks: { fields: { 'if-match': '"b"' } }, gets: 'new', brings: { 'if-match': '"b"' } },
    { asks: {}, gets: 'new' },
  ],
  'If-Unmodified-Since goes to the origin': [
    {
      says: { fields: both },
      asks: { fields: { 'if-unmodified-since': imf(0) } },
      gets: 'new',
      brings: { 'if-unmodified-since': /GMT/ },
    },
  ],
};

const fields = { etag: '"a"', a: '2' };
/** A HEAD is answered so once what is kept is stale; then a GET. */
const head = (said: Fields, gets: Step['gets'], status = 200): Step[] => [
  { says: { fields: { ...second, etag: '"a"', a: '1', 'content-length': '1' } }, gets: 'new' },
  { says: { status, fields: said }, asks: { method: 'HEAD' }, laterSec: 5, gets: 'new' },
  { says: { fields: { ...minute, etag: '"x"' } }, asks: {}, gets },
];
const heads: Cases = {
  'confirms by its tag': head({ ...fields, ...minute, 'content-length': '1' }, 'kept'),
  'shows another tag': head({ ...minute, etag: '"b"' }, 'new'),
  'shows another length': head({ ...fields, ...minute, 'content-length': '2' }, 'new'),
  'says nothing where it failed': [
    ...head({}, 'new', 503).slice(0, 2),
    { says: { fields: { ...minute, etag: '"a"' } }, asks: {}, gets: 'confirmed' },
  ],
  'is answered from what is kept': again(both, 'kept', {
    asks: { method: 'HEAD' },
    sees: { etag: '"a"', 'content-length': '1' },
  }),
  'of what is stale goes upstream': again({ ...second }, 'new', { asks: { method: 'HEAD' }, laterSec: 5 }),
  'keeps nothing for GET': [
    { says: { fields: both }, asks: { method: 'HEAD' }, gets: 'new' },
    { asks: { method: 'GET' }, gets: 'new' },
  ],
};

play({
  'what is stale is confirmed': confirming,
  'the origin says of what is stale': answers,
  'a client has a condition': clients,
  'a HEAD': heads,
});
