import type { Admission } from '../publish.js';
import type { ReadBody } from './read-body.js';
import type { WhipProblem } from './whip-answer.js';
import type { WhipLimits } from './whip-limits.js';

/** What a publisher is told when a request is refused. */
export function problem(
  status: number,
  code: WhipProblem['code'],
  title: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): WhipProblem {
  return { status, code, title, detail, headers };
}

export function unauthenticated(detail: string): WhipProblem {
  const headers = { 'WWW-Authenticate': 'Bearer realm="whip"' };
  return problem(401, 'whip-unauthenticated', 'Unauthorized', detail, headers);
}

export function unavailable(detail: string): WhipProblem {
  return problem(503, 'whip-unavailable', 'Service Unavailable', detail, { 'Retry-After': '2' });
}

export function notAllowed(methods: string): WhipProblem {
  return problem(405, 'whip-method', 'Method Not Allowed', `This address takes ${methods}.`, { Allow: methods });
}

export function wrongType(type: string, accept: Readonly<Record<string, string>>): WhipProblem {
  return problem(415, 'whip-media-type', 'Unsupported Media Type', `The body must be ${type}.`, accept);
}

export function bodyProblem({ kind }: ReadBody, { bodyBytesMax }: WhipLimits): WhipProblem {
  return kind === 'too-large'
    ? problem(413, 'whip-body', 'Content Too Large', `The body is longer than ${bodyBytesMax} bytes.`)
    : problem(408, 'whip-body', 'Request Timeout', 'The body did not arrive in time.');
}

export const notFound = (): WhipProblem =>
  problem(404, 'whip-not-found', 'Not Found', 'There is no such session: it has ended, or never was.');

export const noCodec = (): WhipProblem =>
  problem(
    406,
    'whip-no-codec',
    'Not Acceptable',
    'Nothing in the offer can be taken: send H.264 (packetization mode 1) or VP8, or Opus, in one bundle with rtcp-mux.',
  );

export const unconditional = (): WhipProblem =>
  problem(428, 'whip-precondition', 'Precondition Required', 'A PATCH needs If-Match with the ETag of the session.');

export const stale = (): WhipProblem =>
  problem(412, 'whip-precondition', 'Precondition Failed', 'If-Match does not name the ETag of the session.');

export const damagedFragment = (): WhipProblem =>
  problem(400, 'whip-fragment', 'Bad Request', 'This is no ICE fragment (RFC 8840 §9).');

export const noRestart = (): WhipProblem =>
  problem(422, 'whip-ice-restart', 'Unprocessable Content', 'ICE can’t be restarted here: publish anew.');

/** Why the channel was not given. */
export function refusal(admission: Extract<Admission, { readonly ok: false }>): WhipProblem {
  const { reason, message } = admission;
  if (reason === 'busy') return problem(409, 'whip-busy', 'Conflict', message);
  if (reason === 'denied') return problem(403, 'whip-denied', 'Forbidden', message);
  return reason === 'bad-key' ? unauthenticated(message) : unavailable(message);
}
