import { again, type Cases, type Fields, play, type Step } from './script.fixture.js';

/** What the cache says of itself (RFC 9211). */

const minute: Fields = { 'cache-control': 'max-age=60', etag: '"a"' };
const told = (status: RegExp | string): Pick<Step, 'sees'> => ({ sees: { 'cache-status': status } });

const status: Cases = {
  'what was not here, and is kept': [
    { says: { fields: minute }, gets: 'new', ...told('Headwater; fwd=uri-miss; fwd-status=200; stored; ttl=60') },
  ],
  'what was not here, and is not kept': [
    {
      says: { fields: { 'cache-control': 'no-store' } },
      gets: 'new',
      ...told('Headwater; fwd=uri-miss; fwd-status=200; detail=no-store'),
    },
  ],
  'what was here': again(minute, 'kept', { laterSec: 10, ...told('Headwater; hit; ttl=50') }),
  'what was here, and stale, but will do': again(minute, 'kept', {
    laterSec: 70,
    asks: { fields: { 'cache-control': 'max-stale' } },
    ...told('Headwater; hit; ttl=-10; detail=accepted'),
  }),
  'what was stale, and is confirmed': again(minute, 'confirmed', {
    laterSec: 70,
    ...told('Headwater; fwd=stale; fwd-status=304; stored; ttl=60'),
  }),
  'what was fresh, but not for this request': again(minute, 'confirmed', {
    asks: { fields: { 'cache-control': 'no-cache' } },
    ...told('Headwater; fwd=request; fwd-status=304; stored; ttl=60'),
  }),
  'what was here for others': [
    { says: { fields: { ...minute, vary: 'foo' } }, asks: { fields: { foo: '1' } }, gets: 'new' },
    {
      asks: { fields: { foo: '2' } },
      gets: 'new',
      ...told('Headwater; fwd=vary-miss; fwd-status=200; stored; ttl=60'),
    },
  ],
  'another method': [
    { asks: { method: 'POST' }, says: { status: 201 }, gets: 'new', ...told('Headwater; fwd=method; fwd-status=201') },
  ],
  'a GET with a body': [
    {
      asks: { body: 'a', fields: { 'content-length': '1' } },
      gets: 'new',
      ...told('Headwater; fwd=bypass; fwd-status=200'),
    },
  ],
  'what it may not ask for': [
    {
      asks: { fields: { 'cache-control': 'only-if-cached' } },
      gets: 'none',
      status: 504,
      ...told('Headwater; detail=only-if-cached'),
    },
  ],
  'stands behind what caches further up say': again(
    { ...minute, 'cache-status': 'Shield; hit, Other; fwd=miss' },
    'kept',
    {
      ...told('Shield; hit, Other; fwd=miss, Headwater; hit; ttl=60'),
    },
  ),
  'and once only after a confirmation': [
    { says: { fields: { ...minute, 'cache-status': 'Shield; fwd=uri-miss' } }, gets: 'new' },
    {
      says: { fields: { ...minute, 'cache-status': 'Shield; hit' } },
      laterSec: 61,
      gets: 'confirmed',
      ...told(/^Shield; hit, Headwater; fwd=stale/),
    },
  ],
};

play({ 'Cache-Status tells': status });
