import { SignJWT } from 'jose/jwt/sign';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiBox, call, OPERATOR_TOKEN, openBox } from './api.fixture.js';
import { Auth, OPERATOR } from './auth.js';

let box: ApiBox;
beforeAll(async () => {
  box = await openBox();
});
afterAll(() => box.api.close(1000));

const signIn = (code: string, headers: Record<string, string> = {}) =>
  call(box, 'POST', '/v1/auth/sign-in', { body: { code }, headers });
const cookieOf = (headers: Headers) => headers.getSetCookie()[0]?.split(';')[0] ?? '';

describe('a one-time code', () => {
  it('makes a session, once', async () => {
    const code = box.api.signInCode(OPERATOR.userId);
    const first = await signIn(code);
    expect(first).toMatchObject({
      status: 200,
      body: { user: { id: 'u_operator', name: 'operator', role: 'operator' } },
    });
    expect(first.headers.getSetCookie()[0]).toMatch(
      /^headwater_session=[\w.-]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
    );
    const cookie = cookieOf(first.headers);
    expect((await call(box, 'GET', '/v1/auth/me', { headers: { cookie } })).body).toMatchObject({
      user: { name: 'operator' },
    });
    expect((await call(box, 'GET', '/v1/auth/me', { token: String(first.body.token) })).status).toBe(200);
    expect(await signIn(code)).toMatchObject({ status: 401, body: { type: 'urn:headwater:problem:bad-code' } });
  });

  it('makes a Secure cookie behind TLS', async () => {
    const { headers } = await signIn(box.api.signInCode(OPERATOR.userId), { 'x-forwarded-proto': 'https' });
    expect(headers.getSetCookie()[0]).toMatch(/; Secure$/);
  });

  it('comes with a new user, and by a link for one there is', async () => {
    const headers = { 'x-forwarded-host': 'tv.example:8080', 'x-forwarded-proto': 'https' };
    const created = await call(box, 'POST', '/v1/users', {
      token: OPERATOR_TOKEN,
      body: { name: 'carol', role: 'viewer' },
      headers,
    });
    expect(created).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^u_[a-z0-9]{16}$/), name: 'carol', role: 'viewer' },
    });
    const code =
      /^https:\/\/tv\.example:8080\/#sign-in=([a-z0-9]{32})$/.exec(String(created.body.signInUrl))?.[1] ?? '';
    expect((await signIn(code)).body).toMatchObject({ user: { name: 'carol', role: 'viewer' } });
    expect((await call(box, 'GET', '/v1/auth/me', { token: String(created.body.token) })).body).toMatchObject({
      user: { name: 'carol' },
    });
    const link = await call(box, 'POST', '/v1/users/carol/sign-in-link', { token: OPERATOR_TOKEN, body: {} });
    expect((await signIn(String(link.body.signInUrl).split('=')[1] ?? '')).status).toBe(200);
    const operator = await call(box, 'POST', '/v1/users/operator/sign-in-link', { token: OPERATOR_TOKEN });
    expect((await signIn(String(operator.body.signInUrl).split('=')[1] ?? '')).body).toMatchObject({
      user: { role: 'operator' },
    });
    expect((await call(box, 'POST', '/v1/users/nobody/sign-in-link', { token: OPERATOR_TOKEN })).status).toBe(404);
    for (const name of ['carol', 'operator']) {
      expect((await call(box, 'POST', '/v1/users', { token: OPERATOR_TOKEN, body: { name } })).status).toBe(409);
    }
    const { body } = await call(box, 'GET', '/v1/users', { token: OPERATOR_TOKEN });
    expect(body).toMatchObject({ users: [{ name: 'carol', role: 'viewer' }], next: null });
  });

  it('cannot be guessed at leisure', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    const statuses: number[] = [];
    for (let tries = 0; tries < 12; tries += 1) statuses.push((await signIn(`guess-${tries}`, headers)).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect((await signIn(box.api.signInCode(OPERATOR.userId), headers)).status).toBe(429);
    expect((await signIn(box.api.signInCode(OPERATOR.userId), { 'x-forwarded-for': '198.51.100.8' })).status).toBe(200);
  });
});

describe('a session cookie', () => {
  const cookie = async () => cookieOf((await signIn(box.api.signInCode(OPERATOR.userId))).headers);
  const host = () => new URL(box.url).host;
  const cases: [name: string, headers: () => Record<string, string>, status: number][] = [
    ['from our pages in a secure context', () => ({ 'sec-fetch-site': 'same-origin' }), 200],
    ['from our pages', () => ({ origin: `http://${host()}` }), 200],
    ['from our pages behind a door', () => ({ origin: 'https://tv.example', 'x-forwarded-host': 'tv.example' }), 200],
    ['from another site', () => ({ 'sec-fetch-site': 'cross-site', origin: `http://${host()}` }), 403],
    ['from a sibling site', () => ({ 'sec-fetch-site': 'same-site' }), 403],
    ['from another origin', () => ({ origin: 'http://evil.example' }), 403],
    ['from another port', () => ({ origin: 'http://127.0.0.1:1' }), 403],
    ['from an opaque origin', () => ({ origin: 'null' }), 403],
    ['from nowhere', () => ({}), 403],
  ];
  it.each(cases)('%s', async (_name, headers, status) => {
    const answer = await call(box, 'POST', '/v1/users/operator/sign-in-link', {
      headers: { cookie: await cookie(), ...headers() },
    });
    expect(answer.status).toBe(status);
  });

  it('is forgotten by signing out', async () => {
    const headers = { cookie: await cookie(), 'sec-fetch-site': 'same-origin' };
    const answer = await call(box, 'POST', '/v1/auth/sign-out', { headers });
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^headwater_session=; Path=\/; Max-Age=0;/);
  });

  it('that is not valid makes a stranger of its bearer', async () => {
    const headers = { cookie: 'a=b; headwater_session=nonsense' };
    expect((await call(box, 'GET', '/v1/channels', { headers })).status).toBe(200);
    expect((await call(box, 'GET', '/v1/auth/me', { headers })).status).toBe(401);
  });
});

describe('a token', () => {
  const secret = new Uint8Array(32).fill(7);
  const options = { catalog: { user: async () => null }, secret, operatorToken: OPERATOR_TOKEN, publicUrl: null };
  const identify = (token: string) =>
    new Auth(options).identify({ headers: { authorization: `Bearer ${token}` } } as never);
  const claims = () => new SignJWT().setSubject('u_operator').setIssuer('headwater').setIssuedAt();
  const hs256 = { alg: 'HS256' };

  it('is taken when we signed it and it has not expired', async () => {
    expect(await identify(await claims().setProtectedHeader(hs256).setExpirationTime('1h').sign(secret))).toEqual(
      OPERATOR,
    );
  });

  it.each([
    ['signed by another', () => claims().setProtectedHeader(hs256).setExpirationTime('1h').sign(new Uint8Array(32))],
    ['expired', () => claims().setProtectedHeader(hs256).setExpirationTime('-1h').sign(secret)],
    ['of another issuer', () => claims().setIssuer('x').setProtectedHeader(hs256).setExpirationTime('1h').sign(secret)],
    [
      'of another algorithm',
      () => claims().setProtectedHeader({ alg: 'HS512' }).setExpirationTime('1h').sign(new Uint8Array(64).fill(7)),
    ],
    ['of a user who is gone', () => new Auth(options).programToken('u_gone')],
  ])('%s is refused', async (_name, make) => {
    await expect(identify(await make())).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('needs a secret worth the name', () => {
    expect(() => new Auth({ ...options, secret: new Uint8Array(8) })).toThrow('32 bytes');
    expect(() => new Auth({ ...options, operatorToken: '' })).toThrow('16 characters');
  });
});
