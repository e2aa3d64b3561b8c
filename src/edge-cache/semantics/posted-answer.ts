/** Answers to POST that may be kept (RFC 9110 §9.3.3). Pure. */
import { fieldLines, firstField } from './header-fields.js';
import { addressAt, type Change } from './invalidation.js';
import { directivesOf } from './response-directives.js';

/** It says that it is what a GET of the same address gets, and for how long that holds. One that varies would have to know on what of a GET. */
export function isAnswerToGet({ method, host, target, status, headers }: Change): boolean {
  if (method !== 'POST' || status !== 200 || host === undefined || fieldLines(headers, 'vary').length > 0) return false;
  const named = addressAt(host, target.path, firstField(headers, 'content-location'));
  if (named?.path !== target.path || named.query !== target.query) return false;
  const { directives, targeted } = directivesOf(headers);
  const isStated = directives.has('s-maxage') || directives.has('max-age');
  return isStated || (!targeted && firstField(headers, 'expires') !== null);
}
