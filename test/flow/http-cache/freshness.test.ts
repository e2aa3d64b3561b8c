import { again, asctime, type Cases, changed, type Fields, imf, play, rfc850 } from './script.fixture.js';

/** Expires, Date and Age (RFC 9111 §4.2, §5.1, §5.3), and how dates are written (RFC 9110 §5.6.7). */

const kept = (fields: Fields, laterSec = 0) => again(fields, 'kept', { laterSec });
const stale = (fields: Fields, laterSec = 0) => again(fields, 'new', { laterSec });
/** One that cannot be read is in the past: it is not as if it were not there. */
const past = (expires: Fields['expires'] & {}) =>
  again({ expires, 'last-modified': imf(-100_000), etag: '"1"' }, 'confirmed');
const soon = imf(600);

const expires: Cases = {
  'in the future': kept({ expires: soon }),
  'and its end': stale({ expires: soon }, 601),
  'in the past': stale({ expires: imf(-600) }),
  now: stale({ expires: imf(0) }),
  'where Date is the same': stale({ expires: soon, date: soon }),
  'behind a Date that is behind the clock': stale({ expires: imf(-30), date: imf(-600) }),
  'of a server whose clock is behind': kept({ expires: imf(-100_000 + 600), date: imf(-100_000), age: '1' }).slice(
    0,
    1,
  ),
  'far behind a Date that is ahead': kept({ expires: imf(6600), date: imf(6000) }, 599),
  'ends as long after its coming as it is behind a Date that is ahead': stale(
    { expires: imf(6600), date: imf(6000) },
    601,
  ),
  'without a Date': kept({ expires: soon, date: [] }),
  'with a Date that cannot be read': kept({ expires: soon, date: 'yesterday' }),
  'of RFC 850': kept({ expires: rfc850(600) }),
  'of RFC 850, in the past': stale({ expires: rfc850(-600) }),
  'of RFC 850, a year that is more than 50 ahead is past': stale({ expires: rfc850(60 * 366 * 86_400) }),
  'of RFC 850, a year that is less than 50 ahead': kept({ expires: rfc850(40 * 365 * 86_400) }),
  'of asctime': kept({ expires: asctime(600) }),
  'of asctime, in the past': stale({ expires: asctime(-600) }),
  'with the wrong weekday': kept({ expires: changed(soon, /^.../, 'Xxx') }),
  'with a month in small letters (RFC 9111 §4.2)': kept({ expires: (now) => soon(now).toLowerCase() }),
  'with all in capitals': kept({ expires: (now) => soon(now).toUpperCase() }),
  'with a zone in small letters': kept({ expires: changed(soon, 'GMT', 'gmt') }),
  'years ahead': kept({ expires: imf(10 * 365 * 86_400) }, 9 * 365 * 86_400),
};

const unreadable: Cases = {
  '0': past('0'),
  '-1': past('-1'),
  empty: past(''),
  'seconds of the epoch': past((now) => String(Math.floor(now / 1000) + 600)),
  'a word': past('never'),
  'another zone': past(changed(soon, 'GMT', 'PST')),
  UTC: past(changed(soon, 'GMT', 'UTC')),
  'an offset': past(changed(soon, 'GMT', '+0000')),
  'no zone': past(changed(soon, ' GMT', '')),
  'no weekday': past(changed(soon, /^..., /, '')),
  'no comma behind the weekday': past(changed(soon, ',', '')),
  'two spaces': past(changed(soon, ', ', ',  ')),
  'a year of two digits': past(changed(soon, / 20(\d\d) /, ' $1 ')),
  'a day of one digit': past(changed(soon, / \d\d /, ' 9 ')),
  'an hour of one digit': past(changed(soon, / \d\d:/, ' 9:')),
  'dashes in a date of today': past(changed(soon, /(\d) (...) (\d)/, '$1-$2-$3')),
  'time with dots': past(changed(soon, /:/g, '.')),
  'no such day': past(changed(soon, / \d\d ... /, ' 31 Feb ')),
  'no such hour': past(changed(soon, / \d\d:/, ' 25:')),
  ISO: past((now) => new Date(now + 600_000).toISOString()),
  'two in one line': past((now) => `${soon(now)}, ${soon(now)}`),
  'text behind it': past((now) => `${soon(now)} or so`),
  'the first of two lines': past(['0', new Date(Date.now() + 1e9).toUTCString()]),
};

const age: Cases = {
  'less than the lifetime': kept({ 'cache-control': 'max-age=60', age: '30' }, 29),
  'is spent': stale({ 'cache-control': 'max-age=60', age: '30' }, 31),
  'more than the lifetime': stale({ 'cache-control': 'max-age=60', age: '90' }),
  'as much as the lifetime': stale({ 'cache-control': 'max-age=60', age: '60' }),
  'counts against Expires': stale({ expires: imf(60), age: '90' }),
  'counts against s-maxage': stale({ 'cache-control': 's-maxage=60', age: '90' }),
  'of 2^31': stale({ 'cache-control': 'max-age=60', age: '2147483648' }),
  'of 2^31 against as long a lifetime': stale({ 'cache-control': 'max-age=2147483648', age: '2147483648' }),
  'of 2^63': stale({ 'cache-control': 'max-age=60', age: '9223372036854775808' }),
  'negative is not there': kept({ 'cache-control': 'max-age=60', age: '-90' }),
  'decimal is not there': kept({ 'cache-control': 'max-age=60', age: '90.0' }),
  'a word is not there': kept({ 'cache-control': 'max-age=60', age: 'old' }),
  'with a unit is not there': kept({ 'cache-control': 'max-age=60', age: '90s' }),
  'with a parameter is not there': kept({ 'cache-control': 'max-age=60', age: '90;a=b' }),
  'empty is not there': kept({ 'cache-control': 'max-age=60', age: '' }),
  'the first of a list counts (§5.1)': kept({ 'cache-control': 'max-age=60', age: '0, 90' }),
  'the first of a list counts, though it is larger': stale({ 'cache-control': 'max-age=60', age: '90, 0' }),
  'the first of two lines counts': kept({ 'cache-control': 'max-age=60', age: ['0', '90'] }),
  'the first of two lines counts, though it is larger': stale({ 'cache-control': 'max-age=60', age: ['90', '0'] }),
  'is told, and grows': again({ 'cache-control': 'max-age=60', age: '20' }, 'kept', {
    laterSec: 10,
    sees: { age: '30' },
  }),
  'is told where the origin said none': again({ 'cache-control': 'max-age=60' }, 'kept', {
    laterSec: 10,
    sees: { age: '10' },
  }),
  'is told of an answer that is from long ago': again({ 'cache-control': 'max-age=900', date: imf(-600) }, 'kept', {
    laterSec: 10,
    sees: { age: '610' },
  }),
  'begins again with a confirmation': again({ 'cache-control': 'max-age=60', etag: '"1"' }, 'confirmed', {
    laterSec: 61,
    sees: { age: '0' },
  }),
};

const date: Cases = {
  'that is long ago makes it old': stale({ 'cache-control': 'max-age=60', date: imf(-600) }),
  'that is ahead does not make it younger than it is': stale({ 'cache-control': 'max-age=60', date: imf(600) }, 61),
  'that is ahead is no fault': kept({ 'cache-control': 'max-age=60', date: imf(600) }, 59),
  'that cannot be read is that of its coming': kept({ 'cache-control': 'max-age=60', date: 'x' }, 59),
  'is that of its coming where there is none': kept({ 'cache-control': 'max-age=60', date: [] }, 59),
  'of RFC 850': stale({ 'cache-control': 'max-age=60', date: rfc850(-600) }),
  'of asctime': stale({ 'cache-control': 'max-age=60', date: asctime(-600) }),
};

play({ Expires: expires, 'an Expires that cannot be read is past (§5.3)': unreadable, Age: age, Date: date });
