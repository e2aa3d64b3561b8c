import { again, type Cases, imf, play, type Step } from './script.fixture.js';

/** CDN-Cache-Control (RFC 9213), which is a Dictionary (RFC 9651 §3.2). Beside it, Cache-Control says the opposite. */

const longer = { laterSec: 30 };
/** It says this, and Cache-Control says that nothing may be kept. */
const kept = (...lines: string[]): Step[] =>
  again({ 'cdn-cache-control': lines, 'cache-control': 'no-store' }, 'kept', longer);
/** It says this, and Cache-Control gives a minute. */
const stale = (...lines: string[]): Step[] =>
  again({ 'cdn-cache-control': lines, 'cache-control': 'max-age=60' }, 'new', longer);
/** It is as if it were not there: Cache-Control's minute counts. */
const ignored = (...lines: string[]): Step[] =>
  again({ 'cdn-cache-control': lines, 'cache-control': 'max-age=60' }, 'kept', longer);

const read: Cases = {
  'max-age': kept('max-age=60'),
  's-maxage': kept('max-age=1, s-maxage=60'),
  'in two lines': kept('public', 'max-age=60'),
  'with spaces around the comma': kept('public  ,\tmax-age=60'),
  'with parameters': kept('max-age=60;foo=bar;x'),
  'beside unknown members of all kinds': kept('a, b=1, c="d", e=f, g=(1 2), h=1.5, i=?0, j=:YQ==:, max-age=60'),
  'of two of a name the last counts (RFC 9651 §3.2)': kept('max-age=1, max-age=60'),
  'of two of a name the last counts, though it is shorter': stale('max-age=60, max-age=1'),
  'a boolean that is false is not there': kept('no-store=?0, max-age=60'),
  'a boolean that is true is there': stale('no-store=?1, max-age=60'),
  'with a parameter behind a boolean': stale('no-store;a=b, max-age=60'),
  'leading zeros': kept('max-age=00060'),
  'of as many digits as there may be': kept('max-age=999999999999999'),
  'must-revalidate does not go against a lifetime': kept('max-age=60, must-revalidate'),
};

const counts: Cases = {
  'longer than Cache-Control': again(
    { 'cdn-cache-control': 'max-age=60', 'cache-control': 'max-age=1' },
    'kept',
    longer,
  ),
  'shorter than Cache-Control': stale('max-age=1'),
  'shorter than s-maxage': again({ 'cdn-cache-control': 'max-age=1', 'cache-control': 's-maxage=60' }, 'new', longer),
  'against private': again({ 'cdn-cache-control': 'max-age=60', 'cache-control': 'private' }, 'kept', longer),
  'against no-cache': again({ 'cdn-cache-control': 'max-age=60', 'cache-control': 'no-cache' }, 'kept', longer),
  'against Expires in the past': again({ 'cdn-cache-control': 'max-age=60', expires: imf(-60) }, 'kept', longer),
  'without a lifetime, against Expires': again({ 'cdn-cache-control': 'public', expires: imf(60) }, 'new', longer),
  'against Age': again({ 'cdn-cache-control': 'max-age=60', age: '90' }, 'new'),
  'no-store': stale('no-store'),
  private: stale('private, max-age=60'),
  'no-cache': again({ 'cdn-cache-control': 'no-cache', 'cache-control': 'max-age=60', etag: '"1"' }, 'confirmed'),
  'max-age=0': stale('max-age=0'),
  'no-cache that names a field': again(
    { 'cdn-cache-control': 'max-age=60, no-cache="a"', 'cache-control': 'no-store', a: '1', b: '2' },
    'kept',
    { sees: { a: null, b: '2' } },
  ),
  'is passed on': again({ 'cdn-cache-control': 'max-age=60' }, 'kept', { sees: { 'cdn-cache-control': 'max-age=60' } }),
  'and so is Cache-Control': again({ 'cdn-cache-control': 'max-age=60', 'cache-control': 'no-store' }, 'kept', {
    sees: { 'cache-control': 'no-store' },
  }),
};

const ofAnotherType: Cases = {
  'max-age in quotes': stale('max-age="60"'),
  'max-age that is a token': stale('max-age=a'),
  'max-age that is decimal': stale('max-age=60.5'),
  'max-age that is negative': stale('max-age=-60'),
  'max-age without a value': stale('max-age'),
  'max-age that is a list': stale('max-age=(60)'),
  'and is not guessed then': again(
    { 'cdn-cache-control': 'max-age="60"', 'last-modified': imf(-100_000), etag: '"1"' },
    'confirmed',
  ),
  'no-store that is a number': stale('max-age=60, no-store=1'),
  'no-store in quotes': stale('max-age=60, no-store="a"'),
};

const broken: Cases = {
  empty: ignored(''),
  'of spaces': ignored('   '),
  'in capitals': ignored('MAX-AGE=1'),
  'a trailing comma': ignored('max-age=1,'),
  'a leading comma': ignored(', max-age=1'),
  'an empty member': ignored('max-age=1,, public'),
  'a space before =': ignored('max-age =1'),
  'a space behind =': ignored('max-age= 1'),
  'no value behind =': ignored('max-age='),
  'a quote that is not closed': ignored('max-age=1, a="b'),
  'single quotes': ignored("max-age=1, a='b'"),
  'a sign that no key has': ignored('max-age=1, &'),
  'too many digits': ignored('max-age=1, a=1000000000000000'),
  'semicolons between members': ignored('max-age=1; &'),
  'one of two lines': ignored('max-age=1', '&'),
  'bytes that are not ASCII': ignored('max-age=1, a="\u00e4"'),
};

play({
  'CDN-Cache-Control is read': read,
  'CDN-Cache-Control has the last word (RFC 9213 §2.2)': counts,
  'a directive of another type cannot be read': ofAnotherType,
  'CDN-Cache-Control with an error is not there (RFC 9213 §2.1)': broken,
});
