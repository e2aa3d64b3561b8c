import { type Cases, play, type Step } from './script.fixture.js';

/** Which addresses are the same (RFC 3986 §6.2.1: what is spelt differently may be different, before a server that we know nothing of). */

const minute = { says: { fields: { 'cache-control': 'max-age=60' } } };
const asks = (at: string, gets: Step['gets'], body: string): Step => ({
  ...minute,
  asks: { at },
  gets,
  status: 200,
  body,
});
const two = (one: string, other: string): Step[] => [
  asks(one, 'new', '1'),
  asks(other, 'new', '2'),
  asks(one, 'kept', '1'),
  asks(other, 'kept', '2'),
];

const addresses: Cases = {
  'the same path and query': [asks('?a=1', 'new', '1'), asks('?a=1', 'kept', '1')],
  'another query': two('?a=1', '?a=2'),
  'no query and one': two('', '?a'),
  'a query in another order': two('?a=1&b=2', '?b=2&a=1'),
  'a query in another case': two('?a', '?A'),
  'a parameter twice': two('?a=1', '?a=1&a=1'),
  'a query with question marks': two('?a?b', '?a'),
  'a path in another case': two('/a', '/A'),
  'a slash at the end': two('/a', '/a/'),
  'two slashes': two('/a/b', '/a//b'),
  'an escape and what it stands for': two('/a', '/%61'),
  'an escape in another case': two('/%c3%bc', '/%C3%BC'),
  'an escaped slash': two('/a/b', '/a%2Fb'),
  'an escaped query': two('?a=b', '?a=%62'),
  'a plus and a space': two('?a+b', '?a%20b'),
  'parameters of a path': two('/a;b=1', '/a;b=2'),
  'signs that stand for themselves': two("/a!$&'()*+,;=:@-._~", '/a'),
  'a query that belongs to HLS': two('?_HLS_msn=1&_HLS_part=2', '?_HLS_part=2&_HLS_msn=1'),
  'a query that looks like a token': two('?token=1', '?token=2'),
};

play({ 'is an address of its own': addresses });
