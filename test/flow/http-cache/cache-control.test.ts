import { again, type Cases, imf, play } from './script.fixture.js';

/** How Cache-Control is read (RFC 9111 §5.2, RFC 9110 §5.6), and which of its directives count. */

const says = (...lines: string[]) => again({ 'cache-control': lines }, 'kept');
const stale = (...lines: string[]) => again({ 'cache-control': lines }, 'new');
/** It could be kept on a guess, were it not for this. */
const notGuessed = (line: string) =>
  again({ 'cache-control': line, 'last-modified': imf(-100_000), etag: '"1"' }, 'confirmed');

const written: Cases = {
  'in capitals': says('MAX-AGE=60'),
  'in mixed case': says('mAx-AgE=60'),
  'quoted (§5.2)': says('max-age="60"'),
  'quoted, with an escape': says('max-age="6\\0"'),
  'beside an unknown directive': says('cow, max-age=60'),
  'behind an unknown one with a value': says('foo=bar, max-age=60'),
  'behind an unknown one that quotes a comma': says('foo="a, b", max-age=60'),
  'behind one that quotes an escaped quote': says('foo="a\\", no-store, \\"", max-age=60'),
  'behind one that quotes no-store': says('foo="no-store", max-age=60'),
  'behind one that quotes no-store and more': says('foo="a, no-store, b", max-age=60'),
  'before one that quotes max-age=0': says('max-age=60, foo="max-age=0"'),
  'between empty members': says(' , ,max-age=60,,'),
  'with tabs between members': says('public,\tmax-age=60'),
  'in several lines': says('public', 'max-age=60'),
  'in several lines, one of them empty': says('', 'max-age=60'),
  'with leading zeros': says('max-age=00060'),
  'of 2^31': says('max-age=2147483648'),
  'of 2^31 - 1': says('max-age=2147483647'),
  'of 2^63': says('max-age=9223372036854775808'),
  'of 99999999999999999999999': says('max-age=99999999999999999999999'),
  'of a name that only begins like it': stale('max-ages=60'),
  'of a name that only ends like it': stale('x-max-age=60'),
};

const unreadable: Cases = {
  negative: notGuessed('max-age=-60'),
  decimal: notGuessed('max-age=60.0'),
  'with an exponent': notGuessed('max-age=6e1'),
  'with a plus': notGuessed('max-age=+60'),
  hexadecimal: notGuessed('max-age=0x60'),
  'with a unit': notGuessed('max-age=60s'),
  'with a parameter': notGuessed('max-age=60;a=b'),
  'a word': notGuessed('max-age=a'),
  empty: notGuessed('max-age='),
  missing: notGuessed('max-age'),
  'in single quotes': notGuessed("max-age='60'"),
  'behind a space': notGuessed('max-age= 60'),
  'behind a space before =': notGuessed('max-age =60'),
  'behind spaces on both sides': notGuessed('max-age = 60'),
  'a quote that is not closed': notGuessed('max-age="60'),
  'two numbers': notGuessed('max-age=60 60'),
  's-maxage, beside a good max-age': notGuessed('max-age=60, s-maxage=a'),
  'max-age, beside a good s-maxage': again({ 'cache-control': 'max-age=a, s-maxage=60' }, 'kept'),
};

const conflicting: Cases = {
  'of two max-age the first counts (§4.2.1)': again({ 'cache-control': 'max-age=60, max-age=1' }, 'kept', {
    laterSec: 30,
  }),
  'also where it is the shorter one': again({ 'cache-control': 'max-age=1, max-age=60' }, 'new', { laterSec: 30 }),
  'in two lines as well': again({ 'cache-control': ['max-age=1', 'max-age=60'] }, 'new', { laterSec: 30 }),
  'of two s-maxage the first counts': again({ 'cache-control': 's-maxage=1, s-maxage=60' }, 'new', { laterSec: 30 }),
  'a first one that cannot be read makes it stale': notGuessed('max-age=a, max-age=60'),
  's-maxage before max-age (§5.2.2.10)': again({ 'cache-control': 'max-age=60, s-maxage=1' }, 'new', { laterSec: 30 }),
  's-maxage before max-age, longer': again({ 'cache-control': 'max-age=1, s-maxage=60' }, 'kept', { laterSec: 30 }),
  's-maxage alone': again({ 'cache-control': 's-maxage=60' }, 'kept', { laterSec: 30 }),
  's-maxage before Expires': again({ 'cache-control': 's-maxage=60', expires: imf(-60) }, 'kept'),
  's-maxage=0 before Expires': again({ 'cache-control': 's-maxage=0', expires: imf(60) }, 'new'),
  'max-age before Expires (§5.3)': again({ 'cache-control': 'max-age=60', expires: imf(1) }, 'kept', { laterSec: 30 }),
  'max-age=0 before Expires': again({ 'cache-control': 'max-age=0', expires: imf(60) }, 'new'),
  'max-age that cannot be read before Expires': again({ 'cache-control': 'max-age=a', expires: imf(60) }, 'new'),
  'no-store beats max-age': stale('max-age=60, no-store'),
  'no-store first': stale('no-store, max-age=60'),
  'no-store in a line of its own': stale('max-age=60', 'no-store'),
  'no-store in capitals': stale('max-age=60, No-StoRe'),
  'no-store with an argument': stale('max-age=60, no-store=1'),
  'no-store behind a quote that is not closed': stale('max-age=60, foo="bar, no-store'),
  'no-store before a space and =': stale('max-age=60, no-store =1'),
  'private beats s-maxage': stale('s-maxage=60, private'),
  'private beats public': stale('public, max-age=60, private'),
  'private in capitals': stale('max-age=60, PRIVATE'),
  'no-cache beats max-age': again({ 'cache-control': 'max-age=60, no-cache', etag: '"1"' }, 'confirmed'),
  'no-cache in capitals': again({ 'cache-control': 'max-age=60, No-Cache', etag: '"1"' }, 'confirmed'),
  'no-cache without a validator': stale('max-age=60, no-cache'),
  'no-cache beats s-maxage': again({ 'cache-control': 's-maxage=60, no-cache', etag: '"1"' }, 'confirmed'),
  'immutable gives no lifetime (RFC 8246)': stale('immutable'),
  'immutable ends with the lifetime': again({ 'cache-control': 'max-age=60, immutable', etag: '"1"' }, 'confirmed', {
    laterSec: 61,
  }),
  'public gives no lifetime': stale('public'),
  'must-revalidate gives no lifetime': stale('must-revalidate'),
  'must-revalidate within the lifetime': says('max-age=60, must-revalidate'),
  'proxy-revalidate within the lifetime': says('max-age=60, proxy-revalidate'),
  'no-transform says nothing of keeping': says('max-age=60, no-transform'),
  'Pragma in an answer says nothing (§5.4)': again({ 'cache-control': 'max-age=60', pragma: 'no-cache' }, 'kept'),
  'Pragma alone in an answer': again({ pragma: 'no-cache', 'last-modified': imf(-100_000) }, 'kept'),
  'Surrogate-Control is no field of ours': again(
    { 'cache-control': 'max-age=60', 'surrogate-control': 'no-store' },
    'kept',
  ),
};

play({ 'max-age': written, 'a max-age that cannot be read is stale (§4.2.1)': unreadable, 'what counts': conflicting });
