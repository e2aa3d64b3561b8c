/**
 * Answers that an engine may send without making a request and a response of them: to a plain GET, with status 200 and the whole body. It is what a cache does most.
 *
 * The engine still judges the head as any other; whatever is not plain takes the long way.
 */
import { controlCharacter, headerLinesMax, hostShape } from './request-head.js';
import type { UwsRequest } from './uws-face.js';

export interface QuickAnswers {
  /** @param query without `?`; undefined when there is none. Undefined: nothing quick is known of this address. */
  find(path: string, query: string | undefined): QuickAnswer | undefined;
}

export interface QuickAnswer {
  /** Null: not now. Else `close` is to be called once, or what `closeLater` gives, when nobody looks at the body any more. */
  open(): OpenAnswer | null;
  close(): void;
  /** The client takes its time. `cut` is called where the body's memory is needed before. */
  closeLater(cut: () => void): () => void;
}

export interface OpenAnswer {
  /** The first field's name, and its value with all other lines behind it. */
  readonly name: string;
  readonly rest: Buffer;
  readonly body: Uint8Array;
}

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

const state = { plain: true, hosts: 0, lines: 0, bytes: 0 };

/** One function for all requests: nothing is made for each. */
function look(name: string, value: string): void {
  state.lines += 1;
  state.bytes += name.length + value.length + 4;
  if (name === 'host') {
    state.hosts += 1;
    if (!hostShape.test(value.trim())) state.plain = false;
  } else if (name === 'connection') {
    if (value !== 'keep-alive') state.plain = false;
  } else if (!meaningless.has(name) || controlCharacter.test(value)) state.plain = false;
}

/** Whether the long way would find nothing in this head but the wish for the whole. @param bytesMax of the head. */
export function isPlain(request: UwsRequest, bytesMax: number): boolean {
  state.plain = true;
  state.hosts = 0;
  state.lines = 0;
  state.bytes = 0;
  request.forEach(look);
  return state.plain && state.hosts === 1 && state.lines <= headerLinesMax && state.bytes <= bytesMax / 2;
}
