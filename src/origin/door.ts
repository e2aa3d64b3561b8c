import type { HttpHandler, HttpRequest, HttpResponse } from '../http/server.js';
import { CLOCK_PATH, type LiveShape, type MediaAddress, readMediaPath } from '../media/media-path.js';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { type Answer, problemAnswer, textAnswer } from './answer.js';
import { negotiated } from './content-encoding.js';
import { OriginFailure } from './failure.js';
import type { LiveAnswers } from './live-answers.js';
import type { PastShape, RecordingAnswers } from './recording/recording-answers.js';
import { sendAnswer } from './send-answer.js';
import type { ThumbnailAnswers } from './thumbnails/thumbnail-answers.js';
import { THUMBNAIL_FOLDER } from './thumbnails/thumbnail-text.js';
import type { TsAnswers } from './ts/ts-answers.js';
import type { VodAnswers } from './vod-answers.js';
import type { WebPages } from './web-pages.js';

export interface DoorOptions {
  readonly live: LiveAnswers;
  readonly past: RecordingAnswers;
  readonly ts: TsAnswers;
  readonly vod: VodAnswers;
  readonly thumbnails: ThumbnailAnswers;
  readonly pages: WebPages;
  readonly now: () => number;
  readonly log: Log;
  /** Told of every answer. */
  readonly onAnswered: (area: string, status: number) => void;
}

const METHODS = 'GET, HEAD, OPTIONS';

/**
 * The origin's door: a request goes method → address → answer → conditions and ranges → bytes. Media and manifests may be
 * read from pages of any origin.
 */
export function originDoor(options: DoorOptions): HttpHandler {
  return async (request, response) => {
    const address = readMediaPath(request.path);
    const open = address !== null || request.path === CLOCK_PATH;
    const answer = await decide(options, request, address);
    options.onAnswered(address?.kind ?? 'page', answer.status);
    // A range is of the bytes as they are.
    const encoding = request.header('range') === undefined ? request.header('accept-encoding') : undefined;
    const encoded = negotiated(answer, encoding);
    await sendAnswer(request, response, open ? readableAnywhere(encoded) : encoded).catch((error: unknown) => {
      endInTrouble(options.log, request, response, error);
    });
  };
}

async function decide(options: DoorOptions, request: HttpRequest, address: MediaAddress | null): Promise<Answer> {
  if (request.method === 'OPTIONS') return preflight();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return problemAnswer(405, 'Method Not Allowed', `This address answers ${METHODS}.`, 'trouble', [
      ['allow', METHODS],
    ]);
  }
  try {
    return (await find(options, request, address)) ?? notFound();
  } catch (error) {
    return inTrouble(options.log, request, error);
  }
}

function find(options: DoorOptions, request: HttpRequest, address: MediaAddress | null): Promise<Answer | null> {
  if (request.path === CLOCK_PATH) return Promise.resolve(clock(options.now()));
  if (address === null) return options.pages.answer(request.path);
  if ('shape' in address && address.shape === 'ts') return Promise.resolve(tsPlaylist(options.ts, address));
  if ('shape' in address && (address.shape === 'dvr' || address.shape === 'start-over')) {
    return past(options, request, address, address.shape);
  }
  switch (address.kind) {
    case 'live-thumbnails':
      return Promise.resolve(null);
    case 'vod-thumbnails':
      return options.thumbnails.video(address.videoId);
    case 'live-hls':
      return Promise.resolve(options.live.multivariant(address.channel));
    case 'live-hls-rendition':
      return options.live.mediaPlaylist(address.channel, address.rendition, request.query, request.signal);
    case 'live-dash':
      return Promise.resolve(options.live.dash(address.channel));
    case 'vod-hls':
      return options.vod.multivariant(address.videoId);
    case 'vod-hls-rendition':
      return options.vod.mediaPlaylist(address.videoId, address.rendition);
    case 'vod-dash':
      return options.vod.dash(address.videoId);
    case 'poster':
      return options.vod.poster(address.videoId);
    case 'media':
      if (address.rendition === THUMBNAIL_FOLDER) return options.thumbnails.picture(address.owner, address.name);
      if (address.owner.startsWith('b_') && address.name.endsWith('.ts')) {
        return options.ts.segment(address.owner, address.rendition, address.name);
      }
      return address.owner.startsWith('b_')
        ? options.live.media(address.owner, address.rendition, address.name, request.signal)
        : options.vod.media(address.owner, address.rendition, address.name);
  }
}

async function past(
  { past: answers }: DoorOptions,
  { query, signal }: HttpRequest,
  address: Extract<MediaAddress, { shape: LiveShape }>,
  shape: PastShape,
): Promise<Answer | null> {
  const { kind, channel } = address;
  if (kind === 'live-hls') return answers.multivariant(channel, shape);
  if (kind === 'live-thumbnails') return answers.thumbnails(channel, shape);
  if (kind === 'live-hls-rendition')
    return answers.mediaPlaylist({ channel, shape, rendition: address.rendition, query, signal });
  return kind === 'live-dash' ? answers.dash(channel, shape) : null;
}

function tsPlaylist(ts: TsAnswers, address: Extract<MediaAddress, { shape: LiveShape }>): Answer | null {
  if (address.kind === 'live-hls') return ts.multivariant(address.channel);
  return address.kind === 'live-hls-rendition' ? ts.mediaPlaylist(address.channel, address.rendition) : null;
}

function readableAnywhere(answer: Answer): Answer {
  const exposed = 'Content-Length, Content-Range, Date, ETag, Retry-After, Age, Cache-Status';
  const cors = [
    ['access-control-allow-origin', '*'],
    ['access-control-expose-headers', exposed],
  ] as const;
  return { ...answer, headers: [...answer.headers, ...cors] };
}

function preflight(): Answer {
  const headers = [
    ['allow', METHODS],
    ['access-control-allow-methods', METHODS],
    ['access-control-allow-headers', 'Range, If-None-Match, If-Range'],
    ['access-control-max-age', '86400'],
  ] as const;
  return { status: 204, headers, etag: null, content: { kind: 'bytes', bytes: Buffer.alloc(0) } };
}

/** ISO/IEC 23009-1 §5.8.4.11, urn:mpeg:dash:utc:http-iso:2014. */
function clock(now: number): Answer {
  return {
    ...textAnswer(new Date(now).toISOString(), { type: 'text/plain; charset=utf-8', cache: 'clock' }),
    etag: null,
  };
}

function notFound(): Answer {
  return problemAnswer(404, 'Not Found', 'There is nothing at this address.', 'absent');
}

function inTrouble(log: Log, request: HttpRequest, error: unknown): Answer {
  if (error instanceof OriginFailure && error.code === 'origin.busy') {
    return problemAnswer(503, 'Busy', 'Too many requests wait already.', 'trouble', [['retry-after', '1']]);
  }
  log.error({ path: request.path, error: messageOf(error) }, 'a request could not be answered');
  return problemAnswer(500, 'Internal Server Error', 'The origin could not answer. Its log says why.', 'trouble');
}

function endInTrouble(log: Log, request: HttpRequest, response: HttpResponse, error: unknown): void {
  log.error({ path: request.path, error: messageOf(error) }, 'an answer broke off');
  response.abort();
}
