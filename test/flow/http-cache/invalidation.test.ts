import { type Cases, type Fields, play, type Step } from './script.fixture.js';

/** Methods that are not safe, and what they make out of date (RFC 9111 §4.4); answers to POST (RFC 9110 §9.3.3). */

const minute = { 'cache-control': 'max-age=60' };
const before: Step = { says: { fields: minute }, gets: 'new' };
const after = (gets: Step['gets']): Step => ({ says: { fields: minute }, asks: {}, gets });
const changed = (method: string, status: number, gets: Step['gets']): Step[] => [
  before,
  { says: { status }, asks: { method }, gets: 'new' },
  after(gets),
];

const methods: Cases = {};
for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
  for (const status of [200, 201, 204, 299, 301, 303, 399])
    Object.assign(methods, { [`${method} ${status} does`]: changed(method, status, 'new') });
  for (const status of [400, 403, 404, 412, 499, 500, 503, 599])
    Object.assign(methods, { [`${method} ${status} does not`]: changed(method, status, 'kept') });
}
for (const method of ['GET', 'HEAD', 'OPTIONS']) {
  methods[`${method} does not`] = [before, { asks: { method, at: '?other' }, gets: 'new', body: null }, after('kept')];
}

/** What the answer to a POST at another address names, and what becomes of this one. */
const names =
  (field: string, value: (path: string) => string, gets: Step['gets'], status = 200): ((path: string) => Step[]) =>
  (path) => [
    before,
    {
      says: { status, fields: { [field]: value(path) } },
      asks: { method: 'POST', at: '/other', fields: { host: 'edge.example' } },
      gets: 'new',
    },
    after(gets),
  ];
const named = (field: string): Record<string, (path: string) => Step[]> => ({
  [`a path in ${field}`]: names(field, (path) => path, 'new'),
  [`a relative reference in ${field}`]: names(field, (path) => `..${path}`, 'new'),
  [`the same host in ${field}`]: names(field, (path) => `http://edge.example${path}`, 'new'),
  [`the same host in capitals in ${field}`]: names(field, (path) => `http://EDGE.example${path}`, 'new'),
  [`a fragment in ${field}`]: names(field, (path) => `${path}#a`, 'new'),
  [`${field} of a redirection`]: names(field, (path) => path, 'new', 303),
  [`another host in ${field} (not)`]: names(field, (path) => `http://other.example${path}`, 'kept'),
  [`another port in ${field} (not)`]: names(field, (path) => `http://edge.example:81${path}`, 'kept'),
  [`another query in ${field} (not)`]: names(field, (path) => `${path}?a`, 'kept'),
  [`what is no address in ${field} (not)`]: names(field, () => 'http://[', 'kept'),
  [`${field} of a failure (not)`]: names(field, (path) => path, 'kept', 404),
});

const post =
  (fields: Fields, gets: Step['gets'], status = 200): ((path: string) => Step[]) =>
  (path) => [
    {
      says: { status, fields: { ...minute, 'content-location': path, ...fields } },
      asks: { method: 'POST', body: 'a' },
      gets: 'new',
    },
    { asks: {}, gets, ...(gets === 'kept' && { status: 200, body: '1' }) },
  ];
const posted: Record<string, (path: string) => Step[]> = {
  'is kept for GET where it says that it is what GET would get': post({}, 'kept'),
  'not where it is what another host would get': post({ 'content-location': 'http://other.example/' }, 'new'),
  'not without a lifetime': post({ 'cache-control': 'public' }, 'new'),
  'not under no-store': post({ 'cache-control': 'no-store' }, 'new'),
  'not where it varies': post({ vary: 'foo' }, 'new'),
  'not without Content-Location': post({ 'content-location': [] }, 'new'),
  'not where Content-Location is another': post({ 'content-location': '/other' }, 'new'),
  'not where it failed': post({}, 'new', 400),
  'not where the request forbids it': (path) => [
    {
      says: { fields: { ...minute, 'content-location': path } },
      asks: { method: 'POST', body: 'a', fields: { 'cache-control': 'no-store' } },
      gets: 'new',
    },
    { asks: {}, gets: 'new' },
  ],
  'not with credentials': (path) => [
    {
      says: { fields: { ...minute, 'content-location': path } },
      asks: { method: 'POST', body: 'a', fields: { authorization: 'Basic YTpi' } },
      gets: 'new',
    },
    { asks: {}, gets: 'new' },
  ],
  'another POST is never answered from it': (path) => [
    ...post({}, 'kept')(path),
    { asks: { method: 'POST', body: 'a' }, gets: 'new' },
  ],
};

play({
  'what is kept is forgotten': methods,
  'what is named is forgotten': { ...named('location'), ...named('content-location') },
  'an answer to POST': posted,
  'a GET with a body': {
    'is not answered from what is kept': [
      before,
      { asks: { method: 'GET', body: 'a', fields: { 'content-length': '1' } }, gets: 'new' },
    ],
  },
});
