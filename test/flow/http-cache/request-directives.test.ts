import { again, type Cases, type Fields, imf, play, type Step } from './script.fixture.js';

/** What a request says of kept answers (RFC 9111 §5.2.1, §5.4). */

/** A minute, of which ten seconds have gone. */
const after10s = (asked: Fields, gets: Step['gets'], more: Partial<Step> = {}) =>
  again({ 'cache-control': 'max-age=60', etag: '"1"' }, gets, { laterSec: 10, asks: { fields: asked }, ...more });
/** It is stale for ten seconds. */
const stale10s = (asked: Fields, gets: Step['gets'], more: Partial<Step> = {}) =>
  after10s(asked, gets, { laterSec: 70, ...more });
const cc = (...lines: string[]) => ({ 'cache-control': lines });

const wishes: Cases = {
  nothing: after10s({}, 'kept'),
  'max-age that it is within': after10s(cc('max-age=11'), 'kept'),
  'max-age that it is at': after10s(cc('max-age=10'), 'kept'),
  'max-age that it is past': after10s(cc('max-age=9'), 'confirmed'),
  'max-age=0': after10s(cc('max-age=0'), 'confirmed'),
  'max-age in capitals': after10s(cc('MAX-AGE=0'), 'confirmed'),
  'max-age in quotes': after10s(cc('max-age="0"'), 'confirmed'),
  'max-age longer than the lifetime': stale10s(cc('max-age=600'), 'confirmed'),
  'max-age counts the age that it came with': again(
    { 'cache-control': 'max-age=60', etag: '"1"', age: '20' },
    'confirmed',
    {
      asks: { fields: cc('max-age=15') },
    },
  ),
  'max-stale within': stale10s(cc('max-stale=11'), 'kept'),
  'max-stale past': stale10s(cc('max-stale=9'), 'confirmed'),
  'max-stale without a number': stale10s(cc('max-stale'), 'kept'),
  'max-stale in a second line': stale10s(cc('foo', 'max-stale'), 'kept'),
  'max-stale that cannot be read': stale10s(cc('max-stale=a'), 'confirmed'),
  'max-stale with a max-age that it is within': stale10s(cc('max-age=100, max-stale=20'), 'kept'),
  'max-stale with a max-age that it is past': stale10s(cc('max-age=1, max-stale=20'), 'confirmed'),
  'max-stale against no-cache': again({ 'cache-control': 'no-cache', etag: '"1"' }, 'confirmed', {
    asks: { fields: cc('max-stale') },
  }),
  'max-stale against proxy-revalidate': again(
    { 'cache-control': 'max-age=1, proxy-revalidate', etag: '"1"' },
    'confirmed',
    {
      laterSec: 5,
      asks: { fields: cc('max-stale') },
    },
  ),
  'max-stale against s-maxage': again({ 'cache-control': 's-maxage=1', etag: '"1"' }, 'confirmed', {
    laterSec: 5,
    asks: { fields: cc('max-stale') },
  }),
  'min-fresh that it has': after10s(cc('min-fresh=50'), 'kept'),
  'min-fresh that it has not': after10s(cc('min-fresh=51'), 'confirmed'),
  'no-cache': after10s(cc('no-cache'), 'confirmed'),
  'no-cache, and nothing to confirm it by': again({ 'cache-control': 'max-age=60' }, 'new', {
    asks: { fields: cc('no-cache') },
  }),
  'no-cache gets what is new': again({ 'cache-control': 'max-age=60' }, 'new', {
    asks: { fields: cc('no-cache') },
  }).concat({ gets: 'kept', asks: {}, body: '2' }),
  'Pragma: no-cache': after10s({ pragma: 'no-cache' }, 'confirmed'),
  'Pragma: no-cache beside Cache-Control': after10s({ pragma: 'no-cache', ...cc('foo') }, 'kept'),
  'Pragma with something else': after10s({ pragma: 'foo' }, 'kept'),
  'no-store uses what there is': after10s(cc('no-store'), 'kept'),
  'no-store keeps nothing': [
    { says: { fields: { 'cache-control': 'max-age=60' } }, asks: { fields: cc('no-store') }, gets: 'new' },
    { asks: {}, gets: 'new' },
    { gets: 'kept' },
  ],
  'only-if-cached, and it is': after10s(cc('only-if-cached'), 'kept'),
  'only-if-cached, and it is stale': stale10s(cc('only-if-cached'), 'none', { status: 504 }),
  'only-if-cached, and it is stale, with max-stale': stale10s(cc('only-if-cached, max-stale'), 'kept'),
  'only-if-cached, and it is not': [{ asks: { fields: cc('only-if-cached') }, gets: 'none', status: 504 }],
  'only-if-cached with no-cache': after10s(cc('only-if-cached, no-cache'), 'none', { status: 504 }),
  'a quoted name is no directive': after10s(cc('foo="no-cache"'), 'kept'),
  'an empty field': after10s(cc(''), 'kept'),
};

const bearer = { authorization: 'Basic YTpi' };
const to = (asked: Fields, fields: Fields, gets: Step['gets']): Step[] => [
  { says: { fields }, asks: { fields: asked }, gets: 'new' },
  { asks: {}, gets },
];
const authorized: Cases = {
  'alone is kept from others': to(bearer, { 'cache-control': 'max-age=60' }, 'new'),
  'with Expires is kept from others': to(bearer, { expires: imf(60) }, 'new'),
  'is for all with public': to(bearer, { 'cache-control': 'max-age=60, public' }, 'kept'),
  'is for all with s-maxage': to(bearer, { 'cache-control': 's-maxage=60' }, 'kept'),
  'is for all with must-revalidate': to(bearer, { 'cache-control': 'max-age=60, must-revalidate' }, 'kept'),
  'is not for all with proxy-revalidate': to(bearer, { 'cache-control': 'max-age=60, proxy-revalidate' }, 'new'),
  'is for all with public in CDN-Cache-Control': to(bearer, { 'cdn-cache-control': 'max-age=60, public' }, 'kept'),
  'is answered with what is for all': [
    { says: { fields: { 'cache-control': 'max-age=60' } }, gets: 'new' },
    { asks: { fields: bearer }, gets: 'kept' },
  ],
};

play({ 'a request says': wishes, 'an answer to credentials (RFC 9111 §3.5)': authorized });
