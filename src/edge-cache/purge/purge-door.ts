/**
 * `/_headwater/purges` at the public door: POST purges (with the operator's token), GET follows them.
 *
 * A follower says how far it is, `?epoch=E&after=N`, and is held until there is more, at most 25 s. It is told
 * `{epoch, last, purges}`; or `{epoch, last, lost: true}` where what it missed is not known: then it must confirm all that it holds.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpRequest } from '../../http/server.js';
import { messageOf } from '../../telemetry/failure.js';
import type { AddressRules } from '../address-rules.js';
import { answerProblem } from '../answer-problem.js';
import type { Exchange } from '../exchange.js';
import { type Purge, readPurge } from './purge.js';
import type { Purges } from './purges.js';

export const purgePath = '/_headwater/purges';

export interface PurgeDoor {
  readonly purges: Purges;
  readonly addresses: AddressRules;
  /** Whoever has it may purge; null: nobody may. */
  readonly token: string | null;
}

const heldMs = 25_000;
const bodyBytesMax = 16 * 1024;

export async function servePurges(door: PurgeDoor, exchange: Exchange, query: string): Promise<void> {
  const { method } = exchange.request;
  if (method === 'GET') return follow(door, exchange, new URLSearchParams(query));
  if (method === 'POST') return purge(door, exchange);
  answerProblem(
    exchange.response,
    [405, 'Method Not Allowed', 'Purges are followed by GET and made by POST.'],
    refused,
    [['allow', 'GET, POST']],
  );
}

const refused = { detail: 'refused' } as const;

async function follow({ purges }: PurgeDoor, exchange: Exchange, query: URLSearchParams): Promise<void> {
  const place = { epoch: query.get('epoch') ?? '', last: Number(query.get('after') ?? Number.NaN) };
  if (purges.after(place)?.length === 0) await purges.next(heldMs, exchange.request.signal);
  if (exchange.request.gone) return;
  const missed = purges.after(place);
  answer(exchange, 200, { ...purges.place, ...(missed === null ? { lost: true } : { purges: missed }) });
}

async function purge(door: PurgeDoor, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  if (!isAllowed(door.token, request.header('authorization'))) {
    const detail =
      'Purging needs the operator token of this box: Authorization: Bearer … (operator.token in its data folder).';
    const challenge = [['www-authenticate', 'Bearer']] as const;
    return answerProblem(response, [401, 'Unauthorized', detail], refused, challenge);
  }
  const read = await readBody(request, door.addresses);
  if (typeof read === 'string') return answerProblem(response, [400, 'Bad Request', read], refused);
  try {
    answer(exchange, 200, { purged: door.purges.carryOut(read), ...door.purges.place });
  } catch (error) {
    const detail = `It was carried out here, but could not be written down, so edges below miss it: ${messageOf(error)}.`;
    answerProblem(
      response,
      [500, 'Internal Server Error', `${detail} Look at the disk of the data folder, and purge again.`],
      {},
    );
  }
}

function isAllowed(token: string | null, authorization = ''): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === null || given === undefined) return false;
  const [one, other] = [given, token].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

async function readBody(request: HttpRequest, addresses: AddressRules): Promise<Purge | string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.body()) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return `A purge has at most ${bodyBytesMax} bytes.`;
    chunks.push(chunk);
  }
  try {
    return readPurge(JSON.parse(Buffer.concat(chunks).toString()), addresses);
  } catch {
    return 'The body must be JSON, for example {"prefix": "/vod/", "soft": true}.';
  }
}

function answer({ response }: Exchange, status: number, said: object): void {
  const body = Buffer.from(JSON.stringify(said));
  response.start(
    status,
    [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ],
    body.length,
  );
  response.end(body);
}
