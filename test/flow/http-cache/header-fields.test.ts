import { again, type Cases, type Fields, imf, play, type Step } from './script.fixture.js';

/** Which fields are kept (RFC 9111 §3.1), refreshed (§3.2), and passed on (RFC 9110 §7.6.1). */

const minute = { 'cache-control': 'max-age=60' };
const each = (names: readonly string[], steps: (name: string) => Step[]): Cases =>
  Object.fromEntries(names.map((name) => [name, steps(name)]));

const endToEnd = [
  ...['accept-ranges', 'access-control-allow-origin', 'allow', 'alt-svc', 'clear-site-data', 'content-disposition'],
  ...['content-encoding', 'content-foo', 'content-language', 'content-location', 'content-md5', 'content-range'],
  ...['content-security-policy', 'content-type', 'digest', 'etag', 'expires', 'foo', 'link', 'location', 'nel'],
  ...[
    'p3p',
    'pragma',
    'referrer-policy',
    'refresh',
    'retry-after',
    'server',
    'server-timing',
    'strict-transport-security',
  ],
  ...['surrogate-control', 'surrogate-key', 'timing-allow-origin', 'vary', 'warning', 'www-authenticate', 'x-foo'],
  ...['x-content-foo', 'x-content-type-options', 'x-frame-options', 'x-xss-protection', 'last-modified', 'via'],
];
/** What stands in a field so that it says nothing of keeping. */
const harmless: Fields = { vary: 'foo', etag: '"1"', 'last-modified': imf(-60), expires: imf(99) };
const anyValue = (name: string) => harmless[name] ?? 'a/1';

const kept = each(endToEnd, (name) => [
  { says: { fields: { ...minute, [name]: anyValue(name) } }, gets: 'new' },
  { gets: 'kept', sees: { [name]: /./ } },
]);

const hop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'trailer'];
const forProxies = ['proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'];
const notKept: Cases = {
  ...each([...hop, ...forProxies], (name) => [
    { says: { fields: { ...minute, [name]: 'a' } }, gets: 'new' },
    { gets: 'kept', sees: { [name]: name === 'connection' || name === 'keep-alive' ? /^(?!a$)/ : null } },
  ]),
  'what Connection names': again({ ...minute, connection: 'a, B', a: '1', b: '2', c: '3' }, 'kept', {
    sees: { a: null, b: null, c: '3' },
  }),
  'what Connection names in a second line': again({ ...minute, connection: ['a', 'b'], a: '1', b: '2' }, 'kept', {
    sees: { a: null, b: null },
  }),
  'what private names': again({ 'cache-control': 'max-age=60, private="A, b"', a: '1', b: '2', c: '3' }, 'kept', {
    sees: { a: null, b: null, c: '3' },
  }),
  'what no-cache names': again({ 'cache-control': 'max-age=60, no-cache="a"', a: '1', c: '3' }, 'kept', {
    sees: { a: null, c: '3' },
  }),
};

const values: Cases = {
  'empty ones': again({ ...minute, a: '' }, 'kept', { sees: { a: '' } }),
  'several lines': again({ ...minute, a: ['1', '2', '3, 4'] }, 'kept', { sees: { a: '1, 2, 3, 4' } }),
  'commas, quotes and backslashes': again({ ...minute, a: '"b\\", c", d' }, 'kept', { sees: { a: '"b\\", c", d' } }),
  'bytes above 127': again({ ...minute, a: 'caf\u00e9 \u00ff' }, 'kept', { sees: { a: 'caf\u00e9 \u00ff' } }),
  'tabs inside': again({ ...minute, a: 'b\tc' }, 'kept', { sees: { a: 'b\tc' } }),
  'a long one': again({ ...minute, a: 'x'.repeat(8000) }, 'kept', { sees: { a: 'x'.repeat(8000) } }),
  'names with odd signs': again({ ...minute, "a!#$%&'*+.^_`|~1": 'b' }, 'kept', { sees: { "a!#$%&'*+.^_`|~1": 'b' } }),
};

/** The first answer has it as `a`, the confirmation as `b`. */
const refresh = (name: string, sees: string | null | RegExp): Step[] => {
  const one = { 'cache-control': 'max-age=1', etag: '"1"' };
  return [
    { says: { fields: { ...one, [name]: 'a/1' } }, gets: 'new' },
    { says: { fields: { ...one, [name]: 'b/1' } }, laterSec: 5, gets: 'confirmed', sees: { [name]: sees } },
    { gets: 'kept', sees: { [name]: sees } },
  ];
};
const refreshed = [
  ...['access-control-allow-origin', 'content-disposition', 'content-encoding', 'content-foo', 'content-language'],
  ...[
    'content-location',
    'content-md5',
    'content-range',
    'content-security-policy',
    'content-type',
    'foo',
    'link',
    'server',
  ],
  ...['strict-transport-security', 'x-content-foo', 'x-frame-options', 'x-xss-protection', 'last-modified', 'pragma'],
];
const merged: Cases = {
  ...each(refreshed, (name) => refresh(name, 'b/1')),
  ...each(['proxy-connection', 'te', 'upgrade', ...forProxies], (name) => refresh(name, null)),
  'not Content-Length': refresh('content-length', '1').map((step, at) =>
    at === 2
      ? step
      : { ...step, says: { fields: { 'cache-control': 'max-age=1', etag: '"1"', 'content-length': at ? '9' : '1' } } },
  ),
  'a field that is new': [
    { says: { fields: { 'cache-control': 'max-age=1', etag: '"1"' } }, gets: 'new' },
    {
      says: { fields: { etag: '"1"', a: 'b' } },
      laterSec: 5,
      gets: 'confirmed',
      sees: { a: 'b', 'cache-control': 'max-age=1' },
    },
  ],
  'several lines replace several lines': [
    { says: { fields: { 'cache-control': 'max-age=1', etag: '"1"', a: ['1', '2', '3'] } }, gets: 'new' },
    { says: { fields: { etag: '"1"', a: ['4', '5'] } }, laterSec: 5, gets: 'confirmed', sees: { a: '4, 5' } },
  ],
  'what is not repeated stays': [
    { says: { fields: { 'cache-control': 'max-age=1', etag: '"1"', a: '1' } }, gets: 'new' },
    { says: { fields: { etag: '"1"' } }, laterSec: 5, gets: 'confirmed', sees: { a: '1', etag: '"1"' } },
  ],
  'not what Connection names in the confirmation': [
    { says: { fields: { 'cache-control': 'max-age=1', etag: '"1"', a: '1' } }, gets: 'new' },
    { says: { fields: { etag: '"1"', connection: 'a', a: '2' } }, laterSec: 5, gets: 'confirmed', sees: { a: '1' } },
  ],
  'a longer lifetime': [
    { says: { fields: { 'cache-control': 'max-age=1', etag: '"1"' } }, gets: 'new' },
    { says: { fields: { 'cache-control': 'max-age=600', etag: '"1"' } }, laterSec: 5, gets: 'confirmed' },
    { laterSec: 599, gets: 'kept', sees: { 'cache-control': 'max-age=600' } },
  ],
  'a later Expires': [
    { says: { fields: { expires: imf(1), etag: '"1"' } }, gets: 'new' },
    { says: { fields: { expires: imf(600), etag: '"1"' } }, laterSec: 5, gets: 'confirmed' },
    { laterSec: 599, gets: 'kept' },
  ],
};

const asked: Cases = {
  'end-to-end fields go upstream': [
    {
      asks: { fields: { foo: '1', 'x-foo': '2', 'user-agent': 'a/1', accept: 'b/c' } },
      gets: 'new',
      brings: { foo: '1', 'x-foo': '2', 'user-agent': 'a/1', accept: 'b/c' },
    },
  ],
  'those for one hop do not': [
    {
      asks: { fields: { te: 'trailers', 'keep-alive': 'a', 'proxy-connection': 'b', upgrade: 'c' } },
      gets: 'new',
      brings: { te: null, 'keep-alive': /^(?!a)/, 'proxy-connection': null, upgrade: null },
    },
  ],
  'nor what Connection names': [
    { asks: { fields: { connection: 'close, A', a: '1', b: '2' } }, gets: 'new', brings: { a: null, b: '2' } },
  ],
  'nor what is for proxies': [
    { asks: { fields: { 'proxy-authorization': 'Basic YTpi' } }, gets: 'new', brings: { 'proxy-authorization': null } },
  ],
  'Via names who passed it on (RFC 9110 §7.6.3)': [
    { asks: { fields: { via: '1.0 fred' } }, gets: 'new', brings: { via: '1.0 fred, 1.1 headwater' } },
  ],
  'Max-Forwards of another method is left alone (RFC 9110 §7.6.2)': [
    { asks: { fields: { 'max-forwards': '0' } }, gets: 'new', brings: { 'max-forwards': '0' } },
  ],
  'Max-Forwards of OPTIONS counts down': [
    { asks: { method: 'OPTIONS', fields: { 'max-forwards': '5' } }, gets: 'new', brings: { 'max-forwards': '4' } },
  ],
  'Max-Forwards: 0 of OPTIONS goes no further': [
    { asks: { method: 'OPTIONS', fields: { 'max-forwards': '0' } }, gets: 'none', status: 204, sees: { allow: /GET/ } },
  ],
};

const cookie = { 'set-cookie': 'a=1' };
const cookies: Cases = {
  'with max-age alone is not kept (record 0024)': again({ ...minute, ...cookie }, 'new'),
  'with Expires alone is not kept': again({ expires: imf(60), ...cookie }, 'new'),
  'with nothing stated is not kept': again({ 'last-modified': imf(-100_000), ...cookie }, 'new'),
  'is kept where it is public': again({ 'cache-control': 'public, max-age=60', ...cookie }, 'kept', { sees: cookie }),
  'is kept where shared caches are meant': again({ 'cache-control': 's-maxage=60', ...cookie }, 'kept', {
    sees: cookie,
  }),
  'is kept where CDN-Cache-Control says so': again({ 'cdn-cache-control': 'max-age=60', ...cookie }, 'kept', {
    sees: cookie,
  }),
  'is not kept where CDN-Cache-Control gives no lifetime': again(
    { 'cdn-cache-control': 'must-revalidate', 'last-modified': imf(-100_000), ...cookie },
    'new',
  ),
  'goes to its client alone where it is private': again(
    { 'cache-control': 'max-age=60, private="set-cookie"', ...cookie },
    'kept',
    { sees: { 'set-cookie': null } },
  ),
  'of a client goes upstream, and chooses nothing': [
    { says: { fields: minute }, asks: { fields: { cookie: 'a=1' } }, gets: 'new', brings: { cookie: 'a=1' } },
    { asks: { fields: { cookie: 'a=2' } }, gets: 'kept' },
  ],
};

play({
  'is kept': kept,
  'is not kept': notKept,
  'values are kept': values,
  'a confirmation refreshes (§3.2)': merged,
  'a request': asked,
  'a cookie': cookies,
});
