/**
 * An operating failure: something the operator or the caller can do something about.
 *
 * `code` comes from a closed union per folder (`ingest.bad-key`), `hint` says what to do. Expected outcomes are return
 * values and bugs are assertions; only doors turn codes into protocol statuses.
 */
export class Failure<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string;

  constructor(code: Code, message: string, options: { hint: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The words of any thrown value, for a log line or an answer. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
