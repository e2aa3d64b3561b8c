import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { ApiApp, ApiContext } from './api-app.js';
import { addChannelRoutes } from './channels.js';
import { addHeartbeatRoute } from './heartbeat-route.js';
import { Heartbeats } from './heartbeats.js';
import { addOpenApi, addOpenApiRoute } from './openapi.js';
import { addPopularRoute } from './popular.js';
import { PROBLEM_TYPE, Problem } from './problem.js';
import { problemFrom } from './problem-from.js';
import { baseUrl } from './reached.js';
import { addRestreamRoutes } from './restreams.js';
import { addSessionRoutes } from './sessions.js';
import { addStatusRoutes } from './status.js';
import { addUploadRoutes, isUpload } from './upload-routes.js';
import { addUserRoutes } from './users.js';
import { addVideoRoutes } from './videos.js';
import { isWhip, type WhipHandler } from './whip-mount.js';

export interface ApiOptions extends ApiContext {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Who answers `/v1/videos/upload` and below; null where this box takes no uploads. */
  readonly uploads: { handle(req: IncomingMessage, res: ServerResponse): void } | null;
  /** Who answers `/whip` and below; null where this box takes no WHIP publishers. */
  readonly whip: WhipHandler | null;
  readonly version: string;
}

export interface Api {
  readonly address: { readonly host: string; readonly port: number };
  /** A one-time code for a user (`OPERATOR.userId` for the operator); `signInUrl` in reached.ts makes a link of it. */
  signInCode(userId: string): string;
  /** Records the heartbeats, stops accepting, lets requests in flight finish for up to `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
const HEAD_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 120_000;
const CONNECTIONS_MAX = 4096;

/** Opens the API on its own port (loopback, or the cluster's network; the edge passes `/v1` through to it). */
export async function openApi(options: ApiOptions): Promise<Api> {
  const heartbeats = new Heartbeats(options);
  const app = appOver(options);
  addErrorAnswers(app, options);
  await addOpenApi(app, options.version);
  app.after(() => {
    addRequestSteps(app, options);
    addOpenApiRoute(app);
    addSessionRoutes(app, options);
    addUserRoutes(app, options);
    addChannelRoutes(app, options);
    addRestreamRoutes(app, options);
    addVideoRoutes(app, options);
    addPopularRoute(app, options);
    addHeartbeatRoute(app, options, heartbeats);
    addUploadRoutes(app);
    addStatusRoutes(app, options);
  });
  await app.listen({ host: options.host, port: options.port });
  const { address: host, port } = app.server.address() as AddressInfo;
  return {
    address: { host, port },
    signInCode: (userId) => options.auth.codes.issue(userId),
    close: async (graceMs) => {
      await heartbeats.close();
      await closeWithin(app, graceMs);
    },
  };
}

function appOver({ uploads, whip }: ApiOptions): ApiApp {
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, _request, reply) => {
      answerProblem(reply as FastifyReply, problemFrom(error));
    },
    clientErrorHandler: answerUnreadable,
    serverFactory: (handler) => {
      // An upload may take hours: the whole request has no deadline, silence on the socket has.
      const limits = { requestTimeout: 0, headersTimeout: HEAD_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS };
      const server = createServer(limits, (req, res) => {
        if (uploads !== null && isUpload(req.url)) uploads.handle(req, res);
        else if (whip !== null && isWhip(req.url)) whip.handle(req, res);
        else handler(req, res);
      });
      server.maxConnections = CONNECTIONS_MAX;
      return server.setTimeout(IDLE_TIMEOUT_MS);
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  return app.withTypeProvider<ZodTypeProvider>();
}

/** What happens to every request: who asks and by which address, before the handler; what came of it, after. */
function addRequestSteps(app: ApiApp, { auth, publicUrl, log, metrics }: ApiOptions): void {
  const answered = metrics.counter('api_requests_total', 'API requests by route and status. 5xx: see the log.', [
    'route',
    'status',
  ]);
  app.decorateRequest('identity', null);
  app.decorateRequest('base', '');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    request.base = baseUrl(request.headers, publicUrl);
    request.identity = await auth.identify(request.raw);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    answered.inc({ route, status: String(reply.statusCode) });
    log.debug(
      { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
  });
}

function addErrorAnswers(app: ApiApp, { log }: ApiOptions): void {
  app.setErrorHandler((error, request: FastifyRequest, reply) => {
    const problem = problemFrom(error);
    if (problem.statusCode >= 500)
      log.error({ err: error, method: request.method, url: request.url }, 'a request failed');
    answerProblem(reply as FastifyReply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]?.slice(0, 200);
    answerProblem(
      reply as FastifyReply,
      new Problem('not-found', `There is no ${request.method} ${path} in this API.`),
    );
  });
}

function answerProblem(reply: FastifyReply, problem: Problem): void {
  const text = JSON.stringify(problem.document());
  reply.code(problem.statusCode).headers({ 'cache-control': 'no-store', ...problem.extras.headers });
  // As bytes, so that no schema of the route is asked to write it.
  reply.type(PROBLEM_TYPE).send(Buffer.from(text));
}

/** A request that is no HTTP never becomes one: the socket gets the document. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const long = error.code === 'HPE_HEADER_OVERFLOW';
  const line = late ? '408 Request Timeout' : long ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const status = Number(line.slice(0, 3));
  const title = line.slice(4);
  const detail = late
    ? 'The head did not arrive in time.'
    : long
      ? 'The head is too long.'
      : 'This is no HTTP request.';
  const body = JSON.stringify({ type: 'urn:headwater:problem:malformed-request', title, status, detail });
  const head = [
    `HTTP/1.1 ${line}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

async function closeWithin(app: ApiApp, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
