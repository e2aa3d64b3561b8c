/** What a request asks of everybody's fetch, and under which names that is found. */
import type { Asked, Exchange } from './exchange.js';
import type { KeptPart } from './kept-parts.js';
import type { Block } from './large-bodies.js';
import type { HeaderPairs } from './semantics/header-fields.js';
import type { VariantAsked } from './variant-index.js';

export interface FetchAsked extends VariantAsked {
  /** The address: what is invalidated together. */
  readonly key: string;
  /** The origin may hold its answer back: then the fetch ends when nobody waits for it any more. */
  readonly held: boolean;
  /** The address and its variant. */
  readonly name: string;
  readonly target: string;
  /** The credentials it is asked with; `''` without. */
  readonly authorization: string;
  /** Who caused it: interim answers are passed on there. */
  readonly exchange?: Exchange;
  /** Not the whole body, but this block of it; `headers` say so. */
  readonly block?: Block;
  /** It brings a part of what goes by this name, which is kept apart from the whole. */
  readonly partOf?: string;
  /** This is kept of the whole; the rest of that will do, where it has not changed. */
  readonly part?: KeptPart;
  /** As they go upstream: without conditions, ranges and hop-by-hop fields. Looked at only where a fetch is started. */
  readonly headers: () => HeaderPairs;
}

export function fetchFor(asked: Asked): FetchAsked {
  const { request, key, coding, name, held, headers } = asked;
  const authorization = request.header('authorization') ?? '';
  return { key, coding, name, held, authorization, headers, target: key, exchange: asked };
}

export const isAuthorized = ({ authorization }: Pick<FetchAsked, 'authorization'>): boolean => authorization !== '';

/** What asks with credentials shares a fetch only with what asks with the same ones. */
export function flightName({ name, authorization }: Pick<FetchAsked, 'name' | 'authorization'>): string {
  return authorization === '' ? name : `${name} ${authorization}`;
}
