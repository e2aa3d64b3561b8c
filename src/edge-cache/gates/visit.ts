/** One request before the gates of the door: what they have found out about it, and taken off it. */
import type { HttpRequest, HttpResponse } from '../../http/server.js';
import type { Exchange } from '../exchange.js';
import type { HeaderPair } from '../semantics/header-fields.js';
import { type IpAddress, readIpAddress } from './ip-address.js';
import { rulePath } from './rule-path.js';
import type { CarriedTokens } from './token-carriers.js';
import { WatchedResponse } from './watched-response.js';

/** Why a request is not served. */
export interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** A token for Cache-Status; `refused` where none is given. */
  readonly told?: string;
  readonly headers?: readonly HeaderPair[];
}

/** Lets a request pass (null), or says why not. It may change the visit; it never waits. */
export type Gate = (visit: Visit) => Refusal | null;

/** Lives from the handler's call to the end of the answer. */
export class Visit implements Exchange {
  /** As what stands behind the gates sees it: with the client's own address, and without our tokens. */
  request: HttpRequest;
  response: HttpResponse;
  /** What was taken off the request; null: nothing is signed here. */
  carried: CarriedTokens | null = null;
  #client: IpAddress | null | undefined;
  #watched: WatchedResponse | undefined;

  constructor(request: HttpRequest, response: HttpResponse) {
    this.request = request;
    this.response = response;
  }

  /** Null: it has left already, or came over something that has no address. */
  get client(): IpAddress | null {
    if (this.#client === undefined) this.#client = readIpAddress(this.request.remoteAddress);
    return this.#client;
  }

  /** The client is another than the one at the other end of the connection. */
  comesFrom(request: HttpRequest): void {
    this.request = request;
    this.#client = undefined;
  }

  /** As rules for addresses see it; null where servers read it differently. */
  get rulePath(): string | null {
    return rulePath(this.request.path);
  }

  /** The answer, with what goes over it counted. */
  get watched(): WatchedResponse {
    if (this.#watched === undefined) {
      this.#watched = new WatchedResponse(this.request, this.response);
      this.response = this.#watched;
    }
    return this.#watched;
  }

  /** The handler threw: what the client gets now does not come through here. */
  threw(): void {
    this.#watched?.threw();
  }
}

/** A path that rules cannot be applied to. */
export const ambiguousPath: Refusal = {
  status: 400,
  title: 'Bad Request',
  detail:
    'The path has dot segments, escaped slashes, backslashes or escapes that are no UTF-8, which are not taken here.',
};
