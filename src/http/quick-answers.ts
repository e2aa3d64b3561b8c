/**
 * Answers that an engine may send without making a request and a response of them: to a plain GET, with status 200 and the whole body, or with 206 and one
 * range of it. It is what a cache does most.
 *
 * The engine still judges the head as any other; whatever is not plain takes the long way.
 */
import { controlCharacter, headerLinesMax, hostShape } from './request-head.js';
import type { HttpRequest } from './server.js';
import type { UwsRequest } from './uws-face.js';

export interface QuickAnswers {
  /** @param query without `?`; undefined when there is none. Undefined: nothing quick is known of this address. */
  find(path: string, query: string | undefined): QuickAnswer | undefined;
}

export interface QuickAnswer {
  /** Null: not now, not this range, or not for this one. */
  open(range: string, asker: QuickAsker): OpenAnswer | null;
}

/** Who asks. To be asked only while `open` has not returned. */
export interface QuickAsker {
  readonly scheme: HttpRequest['scheme'];
  readonly path: string;
  /** 4 or 16 of them; none where it has left. */
  addressBytes(): Uint8Array;
  /** The first line of that name, in lower case. */
  field(name: string): string | undefined;
}

/** To be closed once, when nobody looks at the body any more. */
export interface OpenAnswer {
  /** The first field's name, and its value with all other lines behind it. */
  readonly name: string;
  readonly rest: Buffer;
  /** The whole; or a part of it, which `range` tells as Content-Range does. */
  readonly body: Uint8Array;
  readonly range: string | null;
  /** The client takes its time. `cut` is called where the body's memory is needed before it is closed. */
  lasts(cut: () => void): void;
  /** @param gone the client did not get all of it. */
  close(gone: boolean): void;
}

/** What is asked for where no range is. */
export const whole = '';

/** What such a request may say without meaning anything for a whole, fresh answer that varies on nothing. */
const meaningless = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cookie',
  'dnt',
  'forwarded',
  'origin',
  'priority',
  'referer',
  'sec-ch-ua',
  'sec-ch-ua-mobile',
  'sec-ch-ua-platform',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-user',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-playback-session-id',
  'x-real-ip',
]);

const state = { plain: true, hosts: 0, lines: 0, bytes: 0, range: whole };

/** One function for all requests: nothing is made for each. */
function look(name: string, value: string): void {
  state.lines += 1;
  state.bytes += name.length + value.length + 4;
  if (name === 'host') {
    state.hosts += 1;
    if (!hostShape.test(value.trim())) state.plain = false;
  } else if (name === 'range') {
    if (state.range !== whole || value === whole) state.plain = false;
    state.range = value;
  } else if (name === 'connection') {
    if (value !== 'keep-alive') state.plain = false;
  } else if (!meaningless.has(name) || controlCharacter.test(value)) state.plain = false;
}

/** The range that this head asks for, as it says it, or the whole. Null: the long way would find more in it. @param bytesMax of the head. */
export function plainRange(request: UwsRequest, bytesMax: number): string | null {
  state.plain = true;
  state.hosts = 0;
  state.lines = 0;
  state.bytes = 0;
  state.range = whole;
  request.forEach(look);
  const isPlain = state.plain && state.hosts === 1 && state.lines <= headerLinesMax && state.bytes <= bytesMax / 2;
  return isPlain ? state.range : null;
}
