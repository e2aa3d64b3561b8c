import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, messageOf } from '../telemetry/failure.js';
import { dialable, readAddress } from './address.js';

/** Where a command finds its box: `--data DIR` (address and token are read there) or `--url` and `--token`. */
export interface BoxReference {
  readonly data?: string | undefined;
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

export interface BoxAccess {
  /** No slash at the end. */
  readonly url: string;
  readonly token: string;
}

export interface ReadyFile {
  readonly http?: string;
  readonly https?: string;
  readonly https1?: string;
  readonly rtmp?: string;
  readonly rtmps?: string;
  readonly srt?: string;
  readonly webrtc?: string;
  readonly admin?: string;
}

const notRunning = (data: string) =>
  new Failure('cli.no-box', `no box is running on the data folder ${data}`, {
    hint: 'Start one (npm start, or headwater up --data DIR), or name a box with --url and --token.',
  });

/** Null when the folder has no readable ready.json. */
export function readReadyFile(data: string): ReadyFile | null {
  try {
    return JSON.parse(readFileSync(join(data, 'ready.json'), 'utf8')) as ReadyFile;
  } catch {
    return null;
  }
}

export function findBox(reference: BoxReference): BoxAccess {
  const data = reference.data ?? process.env.HEADWATER_DATA ?? './var';
  return {
    url: reference.url?.replace(/\/+$/, '') ?? localUrl(data),
    token: reference.token ?? localToken(data, reference),
  };
}

/** Of the box that runs on this data folder. Throws `cli.no-box`. */
export function localUrl(data: string): string {
  const address = readAddress(readReadyFile(data)?.http ?? '');
  if (address === null) throw notRunning(data);
  return `http://${dialable(address)}`;
}

function localToken(data: string, reference: BoxReference): string {
  try {
    return readFileSync(join(data, 'operator.token'), 'utf8').trim();
  } catch (cause) {
    throw new Failure('cli.no-token', `there is no operator token in ${data}: ${messageOf(cause)}`, {
      hint: reference.url ? 'Give --token as well as --url.' : 'Name the data folder of the box with --data DIR.',
    });
  }
}

/** JSON over the box's public door. Every problem document becomes a Failure with its words. */
export class ApiClient {
  readonly access: BoxAccess;

  constructor(access: BoxAccess) {
    this.access = access;
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#call('GET', path);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.#call('POST', path, body);
  }

  patch<Answer>(path: string, body: object): Promise<Answer> {
    return this.#call('PATCH', path, body);
  }

  async delete(path: string): Promise<void> {
    await this.#call('DELETE', path);
  }

  /** Like get, but absent is an answer. */
  async find<Answer>(path: string): Promise<Answer | null> {
    try {
      return await this.get<Answer>(path);
    } catch (error) {
      if (error instanceof Failure && error.code === 'api.404') return null;
      throw error;
    }
  }

  async #call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await this.#send(method, path, body);
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
    throw problemFailure(response.status, text);
  }

  async #send(method: string, path: string, body?: object): Promise<Response> {
    try {
      return await fetch(`${this.access.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.access.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (cause) {
      throw new Failure('cli.unreachable', `no answer from ${this.access.url}: ${messageOf(cause)}`, {
        hint: 'Check that the box runs there (headwater status, systemctl status headwater) and that the address is right.',
        cause,
      });
    }
  }
}

/** RFC 9457 problem document → Failure `api.<status>`. */
function problemFailure(status: number, text: string): Failure {
  const problem = readProblem(text);
  return new Failure(`api.${status}`, problem.detail ?? problem.title ?? `the box answered ${status}`, {
    hint:
      status === 401 ? 'The token is not valid here: give --token, or --data of the right box.' : (problem.hint ?? ''),
  });
}

function readProblem(text: string): { title?: string; detail?: string; hint?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
