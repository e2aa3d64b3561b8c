import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { ApiCatalog, Role } from './api-catalog.js';
import { Problem } from './problem.js';
import { isHttps } from './reached.js';
import { isSafeMethod, isSameOrigin } from './same-origin.js';
import { SignInCodes } from './sign-in-codes.js';

export interface Identity {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
}

/** Whoever holds the box's operator token; no row in the catalog, so that it works on an empty one. */
export const OPERATOR: Identity = { userId: 'u_operator', name: 'operator', role: 'operator' };

export interface AuthOptions {
  readonly catalog: Pick<ApiCatalog, 'user'>;
  /** Signs the tokens (HS256); at least 32 bytes, kept in the data folder so that sessions survive a restart. */
  readonly secret: Uint8Array;
  /** What `Authorization: Bearer` holds for the operator. */
  readonly operatorToken: string;
  readonly publicUrl: string | null;
}

const COOKIE = 'headwater_session';
const ISSUER = 'headwater';
/** How long a token made here is good for, seconds: a browser's session, a token for programs. */
const SESSION_SEC = 30 * 24 * 60 * 60;
const TOKEN_SEC = 365 * 24 * 60 * 60;

/**
 * Who is asking: the operator token, a token of ours as a bearer, or one in the session cookie. Roles are read from the
 * catalog with each request, never from the token. Holds the one-time codes, which do not survive a restart.
 */
export class Auth {
  readonly codes = new SignInCodes();
  readonly #options: AuthOptions;

  constructor(options: AuthOptions) {
    if (options.secret.length < 32) throw new Error('the token secret has fewer than 32 bytes');
    if (options.operatorToken.length < 16) throw new Error('the operator token has fewer than 16 characters');
    this.#options = options;
  }

  /** Null for nobody in particular. Throws a Problem for credentials that are not valid, and for a forged cross-site request. */
  async identify(req: IncomingMessage): Promise<Identity | null> {
    const bearer = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return this.#ofBearer(bearer);
    if (req.headers.authorization !== undefined) throw badToken('Authorization must be Bearer and a token.');
    const cookie = readCookie(req.headers.cookie);
    const identity = cookie === null ? null : await this.#ofToken(cookie);
    if (identity !== null && !isSafeMethod(req.method) && !isSameOrigin(req.headers, this.#options.publicUrl)) {
      throw new Problem('cross-origin', 'With a session cookie, changes are taken from the pages of this box alone.', {
        hint: 'Programs send Authorization: Bearer TOKEN instead of the cookie.',
      });
    }
    return identity;
  }

  async person(userId: string): Promise<Identity | null> {
    if (userId === OPERATOR.userId) return OPERATOR;
    const user = await this.#options.catalog.user(userId);
    return user === null ? null : { userId: user.id, name: user.name, role: user.role };
  }

  /** A token for programs, good for a year. */
  programToken(userId: string): Promise<string> {
    return this.#sign(userId, TOKEN_SEC);
  }

  /** A browser's session: the token, and the Set-Cookie that keeps it out of scripts' reach. */
  async session(userId: string, headers: IncomingMessage['headers']): Promise<{ token: string; cookie: string }> {
    const token = await this.#sign(userId, SESSION_SEC);
    return { token, cookie: setCookie(token, SESSION_SEC, isHttps(headers)) };
  }

  endSession(headers: IncomingMessage['headers']): string {
    return setCookie('', 0, isHttps(headers));
  }

  async #ofBearer(token: string): Promise<Identity> {
    if (sameSecret(token, this.#options.operatorToken)) return OPERATOR;
    const identity = await this.#ofToken(token);
    if (identity === null) throw badToken('The token is not valid on this box, or no longer.');
    return identity;
  }

  async #ofToken(token: string): Promise<Identity | null> {
    const subject = await this.#verify(token);
    return subject === null ? null : this.person(subject);
  }

  async #verify(token: string): Promise<string | null> {
    try {
      const { payload } = await jwtVerify(token, this.#options.secret, { algorithms: ['HS256'], issuer: ISSUER });
      return payload.sub ?? null;
    } catch {
      return null;
    }
  }

  #sign(userId: string, lifetimeSec: number): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeSec)
      .sign(this.#options.secret);
  }
}

const badToken = (detail: string): Problem =>
  new Problem('unauthenticated', detail, { headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } });

/** Compares hashes, so that neither the content nor the length of the secret shows in the time it takes. */
function sameSecret(given: string, secret: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(secret));
}

function readCookie(header: string | undefined): string | null {
  const pair = header?.split(';').find((part) => part.trim().startsWith(`${COOKIE}=`));
  return pair?.trim().slice(COOKIE.length + 1) || null;
}

const setCookie = (value: string, maxAgeSec: number, secure: boolean): string =>
  `${COOKIE}=${value}; Path=/; Max-Age=${maxAgeSec}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

/** Whoever is signed in, or the problem. */
export function signedIn(identity: Identity | null): Identity {
  if (identity !== null) return identity;
  throw new Problem('unauthenticated', 'This needs a signed-in user or an API token.', {
    hint: 'Send Authorization: Bearer TOKEN, or open a sign-in link.',
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}

export function operatorOnly(identity: Identity | null): Identity {
  const known = signedIn(identity);
  if (known.role === 'operator') return known;
  throw new Problem('forbidden', 'Only the operator of this box may do this.');
}

/** Whether what belongs to `ownerId` is this identity's to see in full and to change. */
export const owns = (identity: Identity | null, ownerId: string): boolean =>
  identity !== null && (identity.role === 'operator' || identity.userId === ownerId);

export function ownerOnly(identity: Identity | null, ownerId: string, what: string): Identity {
  const known = signedIn(identity);
  if (owns(known, ownerId)) return known;
  throw new Problem('forbidden', `Only whoever owns ${what}, or the operator, may do this.`);
}
