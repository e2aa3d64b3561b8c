/** The little of the API that the pages use; same origin, so the session cookie goes along. */
export interface Channel {
  readonly name: string;
  readonly live: boolean;
  readonly hlsUrl: string;
  /** Only for those who may push. */
  readonly streamKey?: string;
  readonly rtmpUrl?: string;
}

export interface Video {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: 'uploading' | 'transcoding' | 'ready' | 'failed';
  readonly duration: number | null;
  readonly thumbnail_url: string | null;
  readonly view_count: number;
  readonly hlsUrl: string;
  /** Of the recording of a broadcast: its id. */
  readonly broadcast_id?: string | null;
}

export interface Person {
  readonly name: string;
  readonly role: 'operator' | 'creator' | 'viewer';
}

/** The address of a refused call's words: RFC 9457 `detail`. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, words: string) {
    super(words);
    this.status = status;
  }
}

/** The path of an address of this box: it may be printed under another name than the one that this page was reached by. */
export const pathOf = (address: string): string => new URL(address, location.href).pathname;

export async function call<Answer>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Refused(response.status, problemWords(text) ?? `The box answered ${response.status}.`);
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

export function problemWords(text: string): string | null {
  try {
    const problem: { detail?: string; title?: string } = JSON.parse(text);
    return problem.detail ?? problem.title ?? null;
  } catch {
    return null;
  }
}

/** The session cookie is not for scripts to read; this mark spares visitors who never signed in a refused call. */
const signedInMark = 'headwater-signed-in';

/** Who is signed in; a one-time link (`#sign-in=CODE`) signs in first and is taken out of the address. */
export async function whoAmI(): Promise<Person | null> {
  const code = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    history.replaceState(null, '', location.pathname);
    await call('POST', '/v1/auth/sign-in', { code });
    localStorage.setItem(signedInMark, '1');
  }
  if (localStorage.getItem(signedInMark) === null) return null;
  try {
    return (await call<{ user: Person }>('GET', '/v1/auth/me')).user;
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error;
    localStorage.removeItem(signedInMark);
    return null;
  }
}
