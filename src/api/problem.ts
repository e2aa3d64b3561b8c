import { z } from 'zod';

/** What is wrong, in short names that never change: the document's `type` is `urn:headwater:problem:<code>`. */
export type ProblemCode =
  | 'not-found'
  | 'invalid-request'
  | 'malformed-request'
  | 'body-too-large'
  | 'media-type'
  | 'unauthenticated'
  | 'forbidden'
  | 'cross-origin'
  | 'bad-code'
  | 'too-many-requests'
  | 'name-taken'
  | 'too-many-targets'
  | 'video-changed'
  | 'channel-changed'
  | 'not-ready'
  | 'no-uploads'
  | 'disk-full'
  | 'unavailable'
  | 'failed';

const TITLES: Readonly<Record<ProblemCode, readonly [status: number, title: string]>> = {
  'not-found': [404, 'Not found'],
  'invalid-request': [400, 'The request is not valid'],
  'malformed-request': [400, 'The request cannot be read'],
  'body-too-large': [413, 'The body is too large'],
  'media-type': [415, 'Wrong media type'],
  unauthenticated: [401, 'Sign in first'],
  forbidden: [403, 'Not allowed'],
  'cross-origin': [403, 'The request comes from another site'],
  'bad-code': [401, 'The sign-in link is not valid'],
  'too-many-requests': [429, 'Too many attempts'],
  'name-taken': [409, 'The name is taken'],
  'too-many-targets': [409, 'Too many targets'],
  'video-changed': [409, 'The video has changed'],
  'channel-changed': [409, 'The channel has changed'],
  'not-ready': [404, 'Not ready'],
  'no-uploads': [503, 'No uploads here'],
  'disk-full': [507, 'The disk is full'],
  unavailable: [503, 'Not available at the moment'],
  failed: [500, 'Something failed on this box'],
};

export interface ProblemExtras {
  /** What to do about it. */
  readonly hint?: string;
  /** Where a request is not valid, one by one. */
  readonly errors?: readonly { readonly at: string; readonly message: string }[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal on its way to the door's one error handler, which makes an RFC 9457 document of it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.statusCode = TITLES[code][0];
    this.extras = extras;
  }

  document(): ProblemDocument {
    const { hint, errors } = this.extras;
    return {
      type: `urn:headwater:problem:${this.code}`,
      title: TITLES[this.code][1],
      status: this.statusCode,
      detail: this.message,
      ...(hint === undefined ? {} : { hint }),
      ...(errors === undefined ? {} : { errors: [...errors] }),
    };
  }
}

/** RFC 9457, with `hint` and `errors` as extension members. */
const problemDocument = z
  .object({
    type: z.string().describe('urn:headwater:problem:<code>; the codes never change'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('one sentence for a person'),
    hint: z.string().optional().describe('what to do about it'),
    errors: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
  })
  .describe('RFC 9457 problem document');

export type ProblemDocument = z.infer<typeof problemDocument>;

export const PROBLEM_TYPE = 'application/problem+json';

/** For the `response` of a route: what every refusal looks like. */
export const problemResponse = {
  description: 'a problem',
  content: { [PROBLEM_TYPE]: { schema: problemDocument } },
};
