import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Admission, PublishRequest } from '../publish.js';
import { readBody } from './read-body.js';
import { type Agreement, agree, mediaAgreement } from './sdp/agreement.js';
import { publicCandidates, readLocalTransport, writeAnswer, writeTransportOffer } from './sdp/answer.js';
import { readIceFragment } from './sdp/ice-fragment.js';
import { type Offer, readOffer } from './sdp/offer.js';
import type { WebrtcProcess } from './webrtc-process.js';
import { sendAnswer, sendOptions, sendProblem, type WhipProblem } from './whip-answer.js';
import { DEFAULT_WHIP_LIMITS, type WhipLimits } from './whip-limits.js';
import type { WhipMetrics } from './whip-metrics.js';
import {
  bodyProblem,
  damagedFragment,
  noCodec,
  noRestart,
  notAllowed,
  notFound,
  problem,
  refusal,
  stale,
  unauthenticated,
  unavailable,
  unconditional,
  wrongType,
} from './whip-problems.js';
import { WhipSession } from './whip-session.js';

export interface WhipServerOptions {
  /** Where it is mounted, e.g. `/whip`. */
  readonly path: string;
  readonly publishing: { admit(request: PublishRequest): Promise<Admission> };
  readonly webrtc: Pick<WebrtcProcess, 'port' | 'running' | 'unable' | 'openTransport'>;
  /** Addresses under which the box is reached besides its own; with the port of `webrtc`. */
  readonly publicAddresses: readonly string[];
  /** Where a request comes from, as the doors before this one have it. */
  readonly remoteAddress: (req: IncomingMessage) => string;
  readonly log: Log;
  readonly metrics: WhipMetrics;
  readonly limits?: Partial<WhipLimits>;
}

const ENDPOINT_METHODS = 'POST, OPTIONS';
const SESSION_METHODS = 'PATCH, DELETE, OPTIONS';
const ACCEPT_POST = { 'Accept-Post': 'application/sdp' };
const ACCEPT_PATCH = { 'Accept-Patch': 'application/trickle-ice-sdpfrag' };

/**
 * WHIP (RFC 9725): publishers come by HTTP, their media by WebRTC. A request handler for `node:http`; whoever mounts it
 * hands it what lies at its path and below.
 *
 * Lifetime: until `close`, which ends all sessions.
 */
export class WhipServer {
  readonly #options: WhipServerOptions;
  readonly #limits: WhipLimits;
  readonly #sessions = new Map<string, WhipSession>();
  #accepted = 0;
  #closing = false;

  constructor(options: WhipServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_WHIP_LIMITS, ...options.limits };
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.#route(req, res).catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'a WHIP request failed');
      this.#refuse(res, problem(500, 'whip-failed', 'Internal Server Error', messageOf(error)));
    });
  }

  close(): void {
    this.#closing = true;
    for (const session of [...this.#sessions.values()]) session.end('the server is closing');
  }

  async #route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (req.url ?? '').split('?', 2);
    const { path: root } = this.#options;
    if (path === root) return this.#endpoint(req, res, query);
    const id = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : '';
    if (req.method === 'OPTIONS') return sendOptions(res, SESSION_METHODS, ACCEPT_PATCH);
    const session = this.#sessions.get(id);
    if (session === undefined) return this.#refuse(res, notFound());
    return this.#session(req, res, session);
  }

  async #endpoint(req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    if (req.method === 'OPTIONS') return sendOptions(res, ENDPOINT_METHODS, ACCEPT_POST);
    if (req.method !== 'POST') return this.#refuse(res, notAllowed(ENDPOINT_METHODS));
    const streamKey = bearerOf(req);
    if (streamKey === null) return this.#refuse(res, unauthenticated('Give the stream key as a bearer token.'));
    if (!isOfType(req, 'application/sdp')) return this.#refuse(res, wrongType('application/sdp', ACCEPT_POST));
    const unready = this.#unready();
    if (unready !== null) return this.#refuse(res, unready);
    const text = await this.#bodyOf(req, res);
    if (text === null) return;
    const read = readOffer(text);
    if (!read.ok) return this.#refuse(res, problem(400, 'whip-offer', 'Bad Request', read.message));
    const agreement = agree(read.offer);
    if (agreement === null) return this.#refuse(res, noCodec());
    return this.#publish(req, res, { streamKey, backup: wantsBackup(query), offer: read.offer, agreement });
  }

  #unready(): WhipProblem | null {
    const { webrtc } = this.#options;
    if (webrtc.unable !== null) {
      return problem(503, 'whip-unavailable', 'Service Unavailable', `WebRTC cannot run on this box: ${webrtc.unable}`);
    }
    if (this.#closing || !webrtc.running) return unavailable('WebRTC is being started on this box: try again');
    if (this.#sessions.size < this.#limits.sessionsMax) return null;
    return problem(503, 'whip-full', 'Service Unavailable', 'all WHIP sessions of this box are taken', {
      'Retry-After': '10',
    });
  }

  async #publish(req: IncomingMessage, res: ServerResponse, asked: Asked): Promise<void> {
    const remoteAddress = this.#options.remoteAddress(req);
    const session = this.#newSession(asked, remoteAddress);
    try {
      await this.#open(res, session, asked, remoteAddress);
    } catch (error) {
      session.end('an internal error');
      throw error;
    }
  }

  async #open(res: ServerResponse, session: WhipSession, asked: Asked, remoteAddress: string): Promise<void> {
    const admission = await this.#options.publishing.admit({
      streamKey: asked.streamKey,
      channel: null,
      backup: asked.backup,
      protocol: 'whip',
      remoteAddress,
      onStop: (reason) => session.end(reason),
      linkStats: () => session.linkStats,
    });
    if (!admission.ok) {
      session.end(admission.message);
      return this.#refuse(res, refusal(admission));
    }
    session.admitted(admission.session);
    const answer = session.ended ? null : await this.#connect(session, asked);
    if (answer === null || session.ended) {
      session.end('no transport could be opened');
      return this.#refuse(res, unavailable('the session could not be opened: try again'));
    }
    if (res.destroyed) return session.end('the publisher left before the answer');
    const location = `${this.#options.path}/${session.id}`;
    const headers = { Location: location, ETag: session.etag, 'Content-Type': 'application/sdp', ...ACCEPT_PATCH };
    sendAnswer(res, 201, headers, answer);
  }

  /** The answer for the publisher; null where the library would not have it. */
  async #connect(session: WhipSession, { offer, agreement }: Asked): Promise<string | null> {
    const { webrtc, publicAddresses, log } = this.#options;
    const opening = await webrtc.openTransport(writeTransportOffer(offer), mediaAgreement(agreement), session);
    if (!opening.ok) {
      log.warn({ session: session.id, reason: opening.message }, 'a WebRTC transport could not be opened');
      return null;
    }
    session.opened(opening.transport);
    const local = readLocalTransport(opening.answer);
    if (local === null) return null;
    const candidates = [...publicCandidates(publicAddresses, webrtc.port), ...local.candidates];
    return writeAnswer(offer, agreement, { ...local, candidates }, String(++this.#accepted));
  }

  #newSession({ streamKey, offer }: Asked, remoteAddress: string): WhipSession {
    const { log, metrics } = this.#options;
    const session: WhipSession = new WhipSession({
      streamKey,
      iceUfrag: offer.iceUfrag,
      limits: this.#limits,
      log: log.child({ connection: `whip-${this.#accepted + 1}`, remoteAddress }),
      onEnded: () => {
        this.#sessions.delete(session.id);
        metrics.sessions.set(this.#sessions.size);
      },
    });
    this.#sessions.set(session.id, session);
    metrics.sessions.set(this.#sessions.size);
    return session;
  }

  /** The address is a secret of its own; a key that comes with it must be the right one all the same. */
  async #session(req: IncomingMessage, res: ServerResponse, session: WhipSession): Promise<void> {
    const streamKey = bearerOf(req);
    if (streamKey !== null && !session.hasKey(streamKey))
      return this.#refuse(res, unauthenticated('the stream key is not that of this session'));
    if (req.method === 'PATCH') return this.#trickle(req, res, session);
    if (req.method !== 'DELETE') return this.#refuse(res, notAllowed(SESSION_METHODS));
    session.end('the publisher stopped');
    return sendAnswer(res, 200);
  }

  /** RFC 9725 §4.3.1: candidates only. A fragment with other ICE parameters is a restart, which the library can't do. */
  async #trickle(req: IncomingMessage, res: ServerResponse, session: WhipSession): Promise<void> {
    const type = 'application/trickle-ice-sdpfrag';
    if (!isOfType(req, type)) return this.#refuse(res, wrongType(type, ACCEPT_PATCH));
    const match = req.headers['if-match'];
    if (match === undefined) return this.#refuse(res, unconditional());
    const text = await this.#bodyOf(req, res);
    if (text === null) return;
    const fragment = readIceFragment(text);
    if (fragment === null) return this.#refuse(res, damagedFragment());
    if (match === '*' || fragment.iceUfrag !== session.iceUfrag) return this.#refuse(res, noRestart());
    if (match !== session.etag) return this.#refuse(res, stale());
    session.addCandidates(fragment.candidates);
    return sendAnswer(res, 204);
  }

  /** Null where the request has been answered already, or nobody waits for an answer. */
  async #bodyOf(req: IncomingMessage, res: ServerResponse): Promise<string | null> {
    const body = await readBody(req, this.#limits.bodyBytesMax, this.#limits.bodyMs);
    if (body.kind === 'text') return body.text;
    if (body.kind !== 'gone') this.#refuse(res, bodyProblem(body, this.#limits));
    return null;
  }

  #refuse(res: ServerResponse, refused: WhipProblem): void {
    this.#options.metrics.refused.inc({ status: String(refused.status) });
    sendProblem(res, refused);
  }
}

interface Asked {
  readonly streamKey: string;
  readonly backup: boolean;
  readonly offer: Offer;
  readonly agreement: Agreement;
}

function bearerOf({ headers }: IncomingMessage): string | null {
  return /^Bearer +([A-Za-z0-9\-._~+/=]{1,512}) *$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

function isOfType({ headers }: IncomingMessage, type: string): boolean {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === type;
}

function wantsBackup(query: string): boolean {
  return new URLSearchParams(query).get('backup') === '1';
}
