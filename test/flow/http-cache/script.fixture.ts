/**
 * What a cache must do, told as a script: the origin says, time passes, a client asks, and it gets what is kept or what is new.
 *
 * All cases of a file share one edge before a plain HTTP server (`headwater edge`), each at an address of its own, behind each engine.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openScene, type Scene } from '../../../src/edge-cache/edge.fixture.js';

type Value = string | readonly string[] | ((nowMs: number) => string);
/** Field names and what stands in them; a list is sent as so many field lines, an empty one as none. */
export type Fields = Readonly<Record<string, Value>>;

export interface Says {
  /** Default 200. */
  readonly status?: number;
  readonly fields?: Fields;
  /** Default: how many bodies it has sent for this address. */
  readonly body?: string;
  /** It closes the connection in place of an answer, or of the body whose length it has stated. */
  readonly closes?: 'at once' | 'behind its head';
}

export interface Step {
  /** Since the step before. */
  readonly laterSec?: number;
  /** Default: as before. Several: one request after the other. */
  readonly says?: Says | readonly Says[];
  /** What the client sends; `at` is put behind the case's address. */
  readonly asks?: { readonly method?: string; readonly fields?: Fields; readonly at?: string; readonly body?: string };
  /**
   * `new`: what the origin said just now. `kept`: it was not asked. `confirmed`: it was asked, and said 304. `none`: it was not asked, and
   * nothing kept was sent either.
   */
  readonly gets: 'new' | 'kept' | 'confirmed' | 'none';
  /** How often the origin is asked; default: once, or never. */
  readonly asked?: number;
  /** Default: what the origin said. */
  readonly status?: number;
  /** Default: the newest body of this address; null: it does not matter. */
  readonly body?: string | null;
  /** Fields of the answer; null: not there. */
  readonly sees?: Readonly<Record<string, string | null | RegExp>>;
  /** Fields of the request to the origin; null: not there. */
  readonly brings?: Readonly<Record<string, string | null | RegExp>>;
}

/** What the case is → its steps, which may need to know their address. */
export type Cases = Record<string, readonly Step[] | ((path: string) => readonly Step[])>;

/** Dates so many seconds from now, in the three forms of RFC 9110 §5.6.7. */
export const imf = (sec: number) => (now: number) => new Date(now + sec * 1000).toUTCString();
export const rfc850 = (sec: number) => (now: number) => {
  const [, day, month, year, clock] = imf(sec)(now).split(' ');
  const weekday = new Date(now + sec * 1000).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  return `${weekday}, ${day}-${month}-${year?.slice(2)} ${clock} GMT`;
};
export const asctime = (sec: number) => (now: number) => {
  const [weekday, day = '', month, year, clock] = imf(sec)(now).split(' ');
  return `${weekday?.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${clock} ${year}`;
};
/** One of these, with another text in place of what is matched. */
export const changed =
  (date: (now: number) => string, what: RegExp | string, by: string) =>
  (now: number): string =>
    date(now).replace(what, by);

interface Again extends Omit<Step, 'gets'> {
  /** Of the first answer. */
  readonly first?: Says['status'];
}

/** The origin says this, and a second request comes. */
export function again(fields: Fields, gets: Step['gets'], { first, ...more }: Again = {}): Step[] {
  return [
    { says: { ...(first !== undefined && { status: first }), fields }, gets: 'new' },
    { gets, ...more },
  ];
}

/** One case's address at the origin, and what it says there. */
class Address {
  says: readonly Says[] = [{}];
  requests: IncomingMessage[] = [];
  /** Its last answer; and what a client had last of the address itself that was new. */
  last = { status: 0, body: '' };
  got = { status: 0, body: '' };
  #bodies = 0;

  answer(request: IncomingMessage, response: ServerResponse, now: number): void {
    this.requests.push(request);
    const turn = Math.min(this.requests.length, this.says.length) - 1;
    const { status = 200, fields = {}, body, closes } = this.says[turn] ?? {};
    if (closes === 'at once') return void response.destroy();
    const lines = linesOf({ date: imf(0), ...fields }, now);
    response.sendDate = false;
    const given = status === 200 && holds(request.headers, lines) ? 304 : status;
    const bodyless = given === 304 || given === 204 || request.method === 'HEAD';
    if (!bodyless) this.#bodies += 1;
    this.last = { status: given, body: bodyless ? '' : (body ?? String(this.#bodies)) };
    response.writeHead(given, closes ? [...lines.flat(), 'content-length', '100'] : lines.flat());
    if (closes) {
      response.flushHeaders();
      return void response.socket?.end();
    }
    // Of text node:http would make UTF-8, head and all.
    response.end(bodyless ? undefined : Buffer.from(this.last.body));
  }
}

function linesOf(fields: Fields, now: number): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const values = typeof value === 'string' ? [value] : typeof value === 'function' ? [value(now)] : value;
    return values.map((each): [string, string] => [name, each]);
  });
}

function holds(asked: IncomingHttpHeaders, lines: readonly (readonly [string, string])[]): boolean {
  const said = (name: string) => lines.find(([field]) => field.toLowerCase() === name)?.[1];
  const noneMatch = asked['if-none-match'];
  if (noneMatch !== undefined) return noneMatch === said('etag');
  const since = asked['if-modified-since'];
  return since !== undefined && since === said('last-modified');
}

function expectFields(there: IncomingHttpHeaders, wanted: Step['sees'] = {}, whose: string): void {
  for (const [name, value] of Object.entries(wanted)) {
    const got = there[name];
    const text = Array.isArray(got) ? got.join(', ') : (got ?? null);
    if (value instanceof RegExp) expect(text ?? '', `${whose} ${name}`).toMatch(value);
    else expect(text, `${whose} ${name}`).toBe(value);
  }
}

/** @param more of the edge's settings. */
export function play(about: Readonly<Record<string, Cases>>, more: { readonly staleIfErrorMs?: number } = {}): void {
  describe.each(['node', 'uws'] as const)('behind the %s engine', (engine) => {
    let scene: Scene;
    const addresses = new Map<string, Address>();
    beforeAll(async () => {
      scene = await openScene({ engine, api: null, ...more });
      scene.origin.says = (request, response) => {
        const [, path = ''] = /^(\/\d+)/.exec(request.url ?? '') ?? [];
        addresses.get(path)?.answer(request, response, scene.clock.now);
      };
    });
    afterAll(() => scene.close());

    for (const [rule, cases] of Object.entries(about)) {
      it.each(Object.entries(cases))(`${rule}: %s`, async (_, steps) => {
        const path = `/${addresses.size + 1}`;
        const address = new Address();
        addresses.set(path, address);
        const taken = typeof steps === 'function' ? steps(path) : steps;
        for (const [number, step] of taken.entries()) await take(scene, path, address, step, `step ${number + 1}`);
      });
    }
  });
}

async function take(scene: Scene, path: string, address: Address, step: Step, which: string): Promise<void> {
  scene.clock.now += (step.laterSec ?? 0) * 1000;
  if (step.says !== undefined) address.says = [step.says].flat();
  address.requests = [];
  const { method = 'GET', fields = {}, at = '', body } = step.asks ?? {};
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of linesOf(fields, scene.clock.now)) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  const answer = await scene.ask(path + at, { method, headers, ...(body !== undefined && { body }) });
  expectGot(step, address, answer, method, which);
  expectFields(answer.headers, step.sees, `${which}, the client sees`);
  if (step.brings !== undefined) expectFields(address.requests[0]?.headers ?? {}, step.brings, `${which}, it brings`);
}

function expectGot({ gets, ...step }: Step, address: Address, answer: Answer, method: string, which: string): void {
  const { last, got } = address;
  const how = { asked: address.requests.length, confirmed: gets === 'confirmed' && last.status === 304 };
  const asked = step.asked ?? (gets === 'new' || gets === 'confirmed' ? 1 : 0);
  expect(how, `${which}: ${answer.cacheStatus}`).toEqual({ asked, confirmed: gets === 'confirmed' });
  const told = gets === 'new' ? last : got;
  const status = step.status ?? told.status;
  expect(answer.status, `${which}: ${answer.cacheStatus}`).toBe(status);
  if (gets === 'new' && method === 'GET' && (step.asks?.at ?? '') === '') address.got = last;
  if (step.body === null || gets === 'none') return;
  const bodyless = method === 'HEAD' || status === 304 || status === 204;
  expect(answer.body, `${which}: ${answer.cacheStatus}`).toBe(step.body ?? (bodyless ? '' : told.body));
}
