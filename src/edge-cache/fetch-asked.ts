/** What a request asks of everybody's fetch, and under which names that is found. */
import type { Asked, Exchange } from './exchange.js';
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
  /** As they go upstream: without conditions, ranges and hop-by-hop fields. Looked at only where a fetch is started. */
  readonly headers: () => HeaderPairs;
}

export function fetchFor(asked: Asked): FetchAsked {
  const { request, key, coding, name, held, headers } = asked;
  const authorization = request.header('authorization') ?? '';
  return { key, coding, name, held, authorization, headers, target: key, exchange: asked };
}

/** Under which a part of a body is kept. No name of anything else contains two spaces, but those of blocks, which go on with a number. */
export const partName = (name: string): string => `${name}  part`;

export const isAuthorized = ({ authorization }: Pick<FetchAsked, 'authorization'>): boolean => authorization !== '';

/** What asks with credentials shares a fetch only with what asks with the same ones. */
export function flightName({ name, authorization }: Pick<FetchAsked, 'name' | 'authorization'>): string {
  return authorization === '' ? name : `${name} ${authorization}`;
}
