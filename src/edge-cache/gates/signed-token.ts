/**
 * Tokens that let their bearer have what lies under some paths, for a time: `1.<key id>.<claims>.<signature>`, where the claims are
 * JSON in base64url (RFC 4648 §5), and the signature is the HMAC-SHA-256 (RFC 2104) of all before its dot, in base64url. No character
 * of it must be escaped anywhere in an address or a cookie. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IpAddress } from './ip-address.js';
import { type IpNetwork, NetworkSet, readIpNetwork } from './ip-network.js';
import { isIn } from './rule-path.js';

export interface SigningKey {
  /** 1 to 32 letters, digits, `-` and `_`; everybody may see it. */
  readonly id: string;
  readonly secret: string;
}

/** As they stand in the token, with these names. */
export interface Claims {
  /** Seconds since 1970. */
  readonly exp: number;
  /** One that ends with a slash: all that lies in it; else that address alone. */
  readonly paths: readonly string[];
  /** CIDR; left out: wherever the client is. */
  readonly nets?: readonly string[];
}

/** What a token with a good signature allows. */
export interface Grant {
  readonly expiresSec: number;
  readonly paths: readonly string[];
  /** Null: everywhere. */
  readonly networks: NetworkSet | null;
}

export type TokenRead =
  | { readonly kind: 'grant'; readonly grant: Grant }
  | { readonly kind: 'malformed' | 'unknown-key' | 'bad-signature' };

export type Denial = 'expired' | 'wrong-path' | 'wrong-network';

const tokenBytesMax = 2048;
const listMax = 16;
const shape = /^1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;
/** As it is once its escapes are undone; in whole characters. */
const pathShape = /^\/[^\\\p{Cc}\p{Cs}]*$/u;

export function writeToken(key: SigningKey, claims: Claims): string {
  const signed = `1.${key.id}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${signatureOf(key, signed)}`;
}

const signatureOf = ({ secret }: SigningKey, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url');

/** Nothing of the claims is looked at before the signature is found good. */
export function readToken(token: string, keys: readonly SigningKey[]): TokenRead {
  const [, id, payload = '', signature = ''] = token.length > tokenBytesMax ? [] : (shape.exec(token) ?? []);
  if (id === undefined) return { kind: 'malformed' };
  const key = keys.find((each) => each.id === id);
  if (key === undefined) return { kind: 'unknown-key' };
  const expected = signatureOf(key, `1.${id}.${payload}`);
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return { kind: 'bad-signature' };
  const grant = readClaims(payload);
  return grant === null ? { kind: 'malformed' } : { kind: 'grant', grant };
}

/** Signed, but perhaps by a program that has its own idea of the format. */
function readClaims(payload: string): Grant | null {
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return null;
  }
  if (typeof claims !== 'object' || claims === null) return null;
  const { exp, paths, nets } = claims as Partial<Record<keyof Claims, unknown>>;
  if (typeof exp !== 'number' || !Number.isSafeInteger(exp)) return null;
  if (!isTextList(paths) || paths.length === 0 || !paths.every((path) => pathShape.test(path))) return null;
  if (nets === undefined) return { expiresSec: exp, paths, networks: null };
  if (!isTextList(nets)) return null;
  const networks = nets.map(readIpNetwork).filter((network): network is IpNetwork => network !== null);
  if (networks.length < nets.length) return null;
  return { expiresSec: exp, paths, networks: new NetworkSet(networks) };
}

const isTextList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= listMax && value.every((each) => typeof each === 'string');

/** Null: it may. `path` as rules for addresses see it (`rulePath`). */
export function denialOf(
  grant: Grant,
  asked: { readonly path: string; readonly client: IpAddress | null; readonly nowSec: number },
): Denial | null {
  if (grant.expiresSec <= asked.nowSec) return 'expired';
  if (!grant.paths.some((path) => (path.endsWith('/') ? isIn(path, asked.path) : path === asked.path))) {
    return 'wrong-path';
  }
  if (grant.networks === null) return null;
  return asked.client !== null && grant.networks.has(asked.client) ? null : 'wrong-network';
}
