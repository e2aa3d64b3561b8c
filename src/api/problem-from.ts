import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { Failure } from '../telemetry/failure.js';
import { Problem } from './problem.js';

/** Makes a problem of whatever was thrown on the way to an answer. The words of unforeseen errors stay in the log. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error);
  if (error instanceof Failure) return failureProblem(error);
  return isFastifyError(error) ? frameworkProblem(error) : unforeseen();
}

function invalidRequest(error: FastifyError & { validationContext?: string }): Problem {
  const place = error.validationContext ?? 'request';
  // An address that cannot name anything names nothing.
  if (place === 'params') return new Problem('not-found', 'There is nothing at this address.');
  const errors = (error.validation ?? []).slice(0, 20).map(({ instancePath, message = 'not valid' }) => ({
    at: `${place}${instancePath === '/' ? '' : instancePath}`,
    message,
  }));
  const detail = errors.map(({ at, message }) => `${at}: ${message}`).join('; ');
  return new Problem('invalid-request', detail, { errors });
}

function failureProblem(failure: Failure): Problem {
  if (failure.code.endsWith('.disk-full')) {
    return new Problem('disk-full', 'There is no room left on this box.', { hint: failure.hint });
  }
  if (failure.code === 'metadata.overloaded' || failure.code === 'metadata.stopped') {
    const headers = { 'Retry-After': '2' };
    return new Problem('unavailable', 'The catalog cannot answer at the moment.', { headers, hint: 'Try again.' });
  }
  return unforeseen();
}

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_ERR_');

function frameworkProblem({ code, statusCode, message }: FastifyError): Problem {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body-too-large', 'The body is longer than the API takes.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('media-type', 'The body must be application/json.');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('not-found', 'There is nothing at this address.');
  }
  return statusCode !== undefined && statusCode < 500 ? new Problem('malformed-request', `${message}.`) : unforeseen();
}

const unforeseen = (): Problem =>
  new Problem('failed', 'The request could not be carried out.', { hint: 'Try again; the log of the box says more.' });
