import { type Cases, type Fields, imf, play, type Says, type Step } from './script.fixture.js';

/** Which of several answers of one address a request selects (RFC 9111 §4.1). */

const minute = { 'cache-control': 'max-age=60' };
const varies = (vary: string | string[], more: Fields = {}): Says => ({ fields: { ...minute, vary, ...more } });
const asks = (fields: Fields, gets: Step['gets'], more: Partial<Step> = {}): Step => ({
  asks: { fields },
  gets,
  ...more,
});

/** An answer that varies so is asked for in one way, then in another. */
const then = (says: Says, one: Fields, other: Fields, gets: Step['gets']): Step[] => [
  asks(one, 'new', { says }),
  asks(other, gets),
];
const same = (vary: string, one: string | string[], other: string | string[]) =>
  then(varies(vary), { [vary]: one }, { [vary]: other }, 'kept');
const different = (vary: string, one: string | string[], other: string | string[]) =>
  then(varies(vary), { [vary]: one }, { [vary]: other }, 'new');

const fields: Cases = {
  'the same value': same('foo', '1', '1'),
  'another value': different('foo', '1', '2'),
  'another case of a value': different('foo', 'a', 'A'),
  'the field is named in capitals': then(varies('FOO'), { foo: '1' }, { foo: '1' }, 'kept'),
  'the field is named in capitals, another value': then(varies('FOO'), { foo: '1' }, { foo: '2' }, 'new'),
  'a field that is not named': then(varies('foo'), { foo: '1', bar: '1' }, { foo: '1', bar: '2' }, 'kept'),
  'absent both times': then(varies('foo'), {}, {}, 'kept'),
  'absent at first': then(varies('foo'), {}, { foo: '1' }, 'new'),
  'absent then': then(varies('foo'), { foo: '1' }, {}, 'new'),
  'empty is not absent': then(varies('foo'), {}, { foo: '' }, 'new'),
  'nor is absent empty': then(varies('foo'), { foo: '' }, {}, 'new'),
  'two fields, both the same': then(varies('foo, bar'), { foo: '1', bar: '2' }, { bar: '2', foo: '1' }, 'kept'),
  'two fields, the first another': then(varies('foo, bar'), { foo: '1', bar: '2' }, { foo: '2', bar: '2' }, 'new'),
  'two fields, the second another': then(varies('foo, bar'), { foo: '1', bar: '2' }, { foo: '1', bar: '1' }, 'new'),
  'two fields, their values exchanged': then(varies('foo, bar'), { foo: '1', bar: '2' }, { foo: '2', bar: '1' }, 'new'),
  'in two lines': then(varies(['foo', 'bar']), { foo: '1', bar: '2' }, { foo: '1', bar: '1' }, 'new'),
  'with empty members': then(varies(', foo ,,'), { foo: '1' }, { foo: '1' }, 'kept'),
  'empty: it does not vary': then(varies(''), { foo: '1' }, { foo: '2' }, 'kept'),
  '*': then(varies('*'), {}, {}, 'new'),
  '* in front': then(varies('*, foo'), { foo: '1' }, { foo: '1' }, 'new'),
  '* behind': then(varies('foo, *'), { foo: '1' }, { foo: '1' }, 'new'),
  '* in another line': then(varies(['foo', '*']), { foo: '1' }, { foo: '1' }, 'new'),
};

const alike: Cases = {
  'without spaces behind commas': same('foo', '1, 2', '1,2'),
  'with more spaces around commas': same('foo', '1, 2', '1  ,\t2'),
  'with spaces at the ends': same('foo', '1', ' 1 '),
  'in two lines': same('foo', '1, 2', ['1', '2']),
  'but not in another order': different('foo', '1, 2', '2, 1'),
  'nor with a space inside': different('foo', '1 2', '12'),
  'nor with spaces inside quotes': different('foo', '"a , b"', '"a,b"'),
  'nor cut in another place': different('foo', '1, 2', '1'),
  'languages in capitals (RFC 9110 §12.5.4)': same('accept-language', 'en-US, de', 'EN-us, DE'),
  'languages with spaces before a weight': same('accept-language', 'en;q=0.5, de', 'en ; q=0.5,de'),
  'languages in the order of their weights': same('accept-language', 'de;q=0.5, en;q=0.8', 'en;q=0.8, de;q=0.5'),
  'but not languages of one weight in another order': different('accept-language', 'en, de', 'de, en'),
  'nor other weights': different('accept-language', 'en, de;q=0.5', 'en, de;q=0.6'),
  'codings in capitals (RFC 9110 §12.5.3)': same('accept-encoding', 'gzip, br', 'GZIP, BR'),
  'codings in the order of their weights': same('accept-encoding', 'br;q=0.5, gzip;q=1.0', 'gzip, br;q=0.5'),
  'but not other codings': different('accept-encoding', 'gzip', 'br'),
};

const tagged = (tag: string): Says => varies('foo', { etag: `"${tag}"` });
const variants: Cases = {
  'are kept beside each other': [
    asks({ foo: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2' }, 'new'),
    asks({ foo: '3' }, 'new'),
    asks({ foo: '1' }, 'kept', { body: '1' }),
    asks({ foo: '2' }, 'kept', { body: '2' }),
    asks({ foo: '3' }, 'kept', { body: '3' }),
  ],
  'have lifetimes of their own': [
    asks({ foo: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2' }, 'new', { says: { fields: { 'cache-control': 'max-age=600', vary: 'foo' } } }),
    asks({ foo: '2' }, 'kept', { laterSec: 61 }),
    asks({ foo: '1' }, 'new'),
  ],
  'are confirmed each by its own tag': [
    asks({ foo: '1' }, 'new', { says: tagged('one') }),
    asks({ foo: '2' }, 'new', { says: tagged('two') }),
    asks({ foo: '1' }, 'confirmed', {
      says: tagged('one'),
      laterSec: 61,
      body: '1',
      brings: { 'if-none-match': '"one"' },
    }),
    asks({ foo: '2' }, 'confirmed', { says: tagged('two'), body: '2', brings: { 'if-none-match': '"two"' } }),
    asks({ foo: '1' }, 'kept', { body: '1' }),
    asks({ foo: '2' }, 'kept', { body: '2' }),
  ],
  'are forgotten together': [
    asks({ foo: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2' }, 'new'),
    { asks: { method: 'POST' }, gets: 'new' },
    asks({ foo: '1' }, 'new'),
    asks({ foo: '2' }, 'new'),
  ],
  'of an address that stops varying': [
    asks({ foo: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2' }, 'new', { says: { fields: minute } }),
    asks({ foo: '3' }, 'kept'),
  ],
  'of an address that varies on something else now': [
    asks({ foo: '1', bar: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2', bar: '1' }, 'new', { says: varies('bar') }),
    asks({ foo: '3', bar: '1' }, 'kept'),
    asks({ foo: '3', bar: '2' }, 'new'),
  ],
  'of an address that begins to vary': [
    asks({ foo: '1' }, 'new', { says: { fields: { 'cache-control': 'max-age=1', 'last-modified': imf(-5) } } }),
    asks({ foo: '1' }, 'new', { says: varies('foo'), laterSec: 5 }),
    asks({ foo: '2' }, 'new'),
    asks({ foo: '1' }, 'kept', { body: '2' }),
  ],
  'that cannot be kept leave the others alone': [
    asks({ foo: '1' }, 'new', { says: varies('foo') }),
    asks({ foo: '2' }, 'new', { says: { fields: { 'cache-control': 'no-store', vary: 'foo' } } }),
    asks({ foo: '1' }, 'kept', { body: '1' }),
  ],
};

/** The client has what it asked for before, but wants it from the origin now. */
const anew = (fields: Fields, says: Says): Step =>
  asks({ ...fields, 'cache-control': 'no-cache' }, 'new', { says, laterSec: 5 });
const lists: Cases = {
  'each answer is selected by its own': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a') }),
    asks({ a: '2', b: '2' }, 'new', { says: varies('a, b') }),
    asks({ a: '1', b: '9' }, 'kept', { body: '1' }),
    asks({ a: '2', b: '2' }, 'kept', { body: '2' }),
    asks({ a: '2', b: '3' }, 'new'),
    asks({ a: '1', b: '3' }, 'kept', { body: '1' }),
  ],
  'as of an origin that names the coding alone where it does not compress': [
    asks({ 'accept-encoding': 'gzip', 'accept-language': 'de' }, 'new', {
      says: varies('Accept-Encoding, Accept-Language', { 'content-encoding': 'gzip' }),
    }),
    asks({ 'accept-encoding': 'br', 'accept-language': 'de' }, 'new', { says: varies('Accept-Encoding') }),
    asks({ 'accept-encoding': 'br', 'accept-language': 'fr' }, 'kept', { body: '2' }),
    asks({ 'accept-encoding': 'gzip', 'accept-language': 'de' }, 'kept', { body: '1' }),
    asks({ 'accept-encoding': 'gzip', 'accept-language': 'fr' }, 'new'),
  ],
  'the newest counts of several that a request selects': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a') }),
    anew({ a: '1', b: '1' }, varies('b')),
    asks({ a: '1', b: '1' }, 'kept', { body: '2' }),
    asks({ a: '1', b: '2' }, 'kept', { body: '1' }),
    asks({ a: '2', b: '1' }, 'kept', { body: '2' }),
    anew({ a: '1', b: '2' }, varies('a')),
    asks({ a: '1', b: '1' }, 'kept', { body: '3' }),
    asks({ a: '2', b: '1' }, 'kept', { body: '2' }),
  ],
  'it counts by Date, not by when it came': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a') }),
    asks({ a: '2', b: '1' }, 'new', { says: varies('b', { date: imf(-30) }) }),
    asks({ a: '1', b: '1' }, 'kept', { body: '1' }),
    asks({ a: '3', b: '1' }, 'kept', { body: '2' }),
  ],
  'one that does not vary is for everybody, until something newer varies': [
    asks({ a: '1' }, 'new', { says: { fields: minute } }),
    anew({ a: '1' }, varies('a')),
    asks({ a: '1' }, 'kept', { body: '2' }),
    asks({ a: '2' }, 'kept', { body: '1' }),
    anew({ a: '2' }, { fields: minute }),
    asks({ a: '1' }, 'kept', { body: '3' }),
    asks({ a: '3' }, 'kept', { body: '3' }),
  ],
  'each is confirmed by its own tag': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a', { etag: '"one"' }) }),
    asks({ a: '2', b: '2' }, 'new', { says: varies('a, b', { etag: '"two"' }) }),
    asks({ a: '1', b: '2' }, 'confirmed', {
      ...{ says: varies('a', { etag: '"one"' }), laterSec: 61, body: '1' },
      brings: { 'if-none-match': '"one"' },
    }),
    asks({ a: '2', b: '2' }, 'confirmed', {
      ...{ says: varies('a, b', { etag: '"two"' }), body: '2' },
      brings: { 'if-none-match': '"two"' },
    }),
    asks({ a: '1', b: '3' }, 'kept', { body: '1' }),
  ],
  'what is stale gives way to what varies on something else': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a', { etag: '"one"' }) }),
    asks({ a: '1', b: '1' }, 'new', { says: varies('b', { date: imf(-80), age: '0' }), laterSec: 70 }),
    asks({ a: '1', b: '2' }, 'new', { says: varies('b') }),
    asks({ a: '9', b: '2' }, 'kept'),
  ],
  'they are forgotten together': [
    asks({ a: '1', b: '1' }, 'new', { says: varies('a') }),
    asks({ a: '2', b: '2' }, 'new', { says: varies('b') }),
    { asks: { method: 'POST' }, gets: 'new' },
    asks({ a: '1', b: '1' }, 'new'),
    asks({ a: '2', b: '2' }, 'new'),
  ],
  'four of them at most: that of the oldest answer is forgotten': [
    ...['a', 'b', 'c', 'd', 'e'].map((field) => asks({ [field]: '1' }, 'new', { says: varies(field) })),
    asks({ a: '2', b: '1', c: '2', d: '2', e: '2' }, 'kept', { body: '2' }),
    asks({ a: '1', b: '2', c: '2', d: '2', e: '2' }, 'new', { says: varies('e') }),
  ],
  'a part is found by its own, too': [
    asks({ a: '1', b: '1', range: 'bytes=0-1' }, 'new', {
      says: { ...varies('a', { etag: '"a"', 'content-range': 'bytes 0-1/4' }), status: 206, body: '01' },
    }),
    asks({ a: '2', b: '2' }, 'new', { says: varies('b') }),
    asks({ a: '1', b: '1', range: 'bytes=0-1' }, 'kept', { status: 206, body: '01' }),
  ],
};

play({ 'an answer varies': fields, 'values mean the same': alike, variants, 'lists of fields': lists });
