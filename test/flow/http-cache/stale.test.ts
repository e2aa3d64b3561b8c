import { again, type Cases, type Fields, imf, play, type Says, type Step } from './script.fixture.js';

/** What is stale, and served all the same (RFC 9111 §4.2.4, RFC 5861), for at most an hour where nobody says. */

type Closed = Partial<Step> & { readonly closes?: Says['closes'] };

const failing = (says: Says, fields: Fields, gets: Step['gets'], more: Partial<Step> = {}): Step[] => [
  { says: { fields }, gets: 'new' },
  { says, laterSec: 5, gets, asked: 1, ...more },
];
const closed = (fields: Fields, gets: 'kept' | 'none', { closes = 'at once', ...more }: Closed = {}) =>
  // It is asked again on another connection, in case only that one had gone.
  failing({ closes }, fields, gets, gets === 'none' ? { status: 502, asked: 2, ...more } : { asked: 2, ...more });
const brokenOff = { closes: 'behind its head' } as const;
const fails = (status: number, fields: Fields, gets: Step['gets'], more: Partial<Step> = {}) =>
  failing({ status }, fields, gets, more);
const cc = (text: string): Fields => ({ 'cache-control': text });
const tagged = (text: string): Fields => ({ ...cc(text), etag: '"a"' });

const unsaid: Cases = {
  'on a closed connection': closed(cc('max-age=1'), 'kept', { sees: { age: '5' } }),
  'on a closed connection, after Expires': closed({ expires: imf(1) }, 'kept'),
  'on a closed connection, after a guess': closed({ 'last-modified': imf(-10) }, 'kept'),
  'with a validator': closed(tagged('max-age=1'), 'kept'),
  'on an answer that breaks off behind its head': closed(cc('max-age=1'), 'kept', brokenOff),
  'on such an answer, with a validator': closed({ ...cc('max-age=1'), 'last-modified': imf(-5) }, 'kept', brokenOff),
  'on such an answer to a range': closed(cc('max-age=1'), 'kept', {
    ...{ ...brokenOff, status: 206 },
    asks: { fields: { range: 'bytes=0-0' } },
  }),
  'on 500': fails(500, cc('max-age=1'), 'kept'),
  'on 502': fails(502, cc('max-age=1'), 'kept'),
  'on 503': fails(503, cc('max-age=1'), 'kept'),
  'on 504': fails(504, cc('max-age=1'), 'kept'),
  'on 503 that could be kept': failing({ status: 503, fields: cc('max-age=60') }, cc('max-age=1'), 'kept'),
  'not on 501': fails(501, cc('max-age=1'), 'new'),
  'not on 404': fails(404, cc('max-age=1'), 'new'),
  'not on 429': fails(429, cc('max-age=1'), 'new'),
  'not after an hour': closed(cc('max-age=1'), 'none', { laterSec: 3602 }),
  'of a HEAD': closed(cc('max-age=1'), 'kept', { asks: { method: 'HEAD' } }),
  'of a range': closed(cc('max-age=1'), 'kept', { asks: { fields: { range: 'bytes=0-0' } }, status: 206 }),
};

const forbidden = (text: string): Cases => ({
  [`${text}, on a closed connection`]: closed(tagged(text), 'none'),
  [`${text}, on an answer that breaks off behind its head`]: closed(cc(text), 'none', brokenOff),
  [`${text}, on 503`]: fails(503, tagged(text), 'new'),
});
const never: Cases = {
  ...forbidden('max-age=1, must-revalidate'),
  ...forbidden('max-age=1, proxy-revalidate'),
  ...forbidden('s-maxage=1'),
  ...forbidden('no-cache'),
  ...forbidden('max-age=1, must-revalidate, stale-if-error=60'),
  ...forbidden('max-age=1, stale-if-error=0'),
  'must-revalidate in CDN-Cache-Control': closed({ 'cdn-cache-control': 'max-age=1, must-revalidate' }, 'none'),
  'must-revalidate against max-stale': closed(tagged('max-age=1, must-revalidate'), 'none', {
    asks: { fields: cc('max-stale') },
  }),
};

const onError: Cases = {
  'within it, on 503': fails(503, cc('max-age=1, stale-if-error=60'), 'kept'),
  'within it, on a closed connection': closed(cc('max-age=1, stale-if-error=60'), 'kept'),
  'past it, on 503': fails(503, cc('max-age=1, stale-if-error=2'), 'new'),
  'past it, on a closed connection': closed(cc('max-age=1, stale-if-error=2'), 'none'),
  'longer than an hour': closed(cc('max-age=1, stale-if-error=86400'), 'kept', { laterSec: 80_000 }),
  'beside s-maxage': fails(503, cc('s-maxage=1, stale-if-error=60'), 'kept'),
  'that cannot be read is not there': fails(503, cc('max-age=1, stale-if-error=a'), 'kept'),
  "the client's": fails(503, cc('max-age=1, stale-if-error=2'), 'kept', { asks: { fields: cc('stale-if-error=60') } }),
  "the client's, past it": fails(503, cc('max-age=1'), 'new', { asks: { fields: cc('stale-if-error=2') } }),
  'of CDN-Cache-Control': fails(
    503,
    { 'cdn-cache-control': 'max-age=1, stale-if-error=60', 'cache-control': 'no-store' },
    'kept',
  ),
};

const swr = (text: string) => cc(`max-age=1, stale-while-revalidate=${text}`);
const meanwhile: Cases = {
  'past it': again(swr('2'), 'new', { laterSec: 5 }),
  'of 0': again(swr('0'), 'new', { laterSec: 5 }),
  'that cannot be read': again(swr('a'), 'new', { laterSec: 5 }),
  'against must-revalidate': again(cc('max-age=1, stale-while-revalidate=60, must-revalidate'), 'new', { laterSec: 5 }),
  'against no-cache of the client': again(swr('60'), 'new', { laterSec: 5, asks: { fields: cc('no-cache') } }),
  'against max-age of the client': again(swr('60'), 'new', { laterSec: 5, asks: { fields: cc('max-age=2') } }),
};

play(
  {
    'nobody says': unsaid,
    'it is forbidden': never,
    'stale-if-error (RFC 5861 §4)': onError,
    'stale-while-revalidate (RFC 5861 §3)': meanwhile,
  },
  { staleIfErrorMs: 3_600_000 },
);
