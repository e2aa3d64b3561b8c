/** A scene for tests: a real origin and a real API, an edge between them and the client, real sockets everywhere. */
import { once } from 'node:events';
import {
  type ClientRequest,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { openHttpServer } from '../http/open-server.js';
import type { HttpHandler, HttpServer } from '../http/server.js';
import { openThreadedServer } from '../http/threads/threaded-engine.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { builtProgram } from '../telemetry/package-files.js';
import { type Edge, type EdgeOptions, openEdge } from './edge.js';

export const mebibyte = 1024 * 1024;

/** One server behind the edge. */
export interface Behind {
  readonly url: URL;
  /** What it was asked, `GET /path`, in order. */
  readonly asked: string[];
  /** Requests it was asked, to look at. */
  readonly requests: IncomingMessage[];
  /** Connections now open. */
  readonly sockets: Set<Socket>;
  /** What it says; may be changed at any time. */
  says: RequestListener;
  close(): Promise<void>;
}

export async function openBehind(says: RequestListener): Promise<Behind> {
  const behind = { asked: [] as string[], requests: [] as IncomingMessage[], sockets: new Set<Socket>(), says };
  const server = createServer({ keepAliveTimeout: 30_000 }, (incoming, outgoing) => {
    behind.asked.push(`${incoming.method} ${incoming.url}`);
    behind.requests.push(incoming);
    opened.says(incoming, outgoing);
  });
  server.on('connection', (socket) => {
    behind.sockets.add(socket);
    socket.once('close', () => behind.sockets.delete(socket));
  });
  const url = await listen(server);
  const opened: Behind = Object.assign(behind, { url, close: () => closeServer(server) });
  return opened;
}

async function listen(server: Server): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly cacheStatus: string;
}

interface Asking {
  readonly method?: string;
  /** A list is sent as so many field lines. */
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  /** One of this machine's addresses. */
  readonly from?: string;
}

export interface Scene {
  readonly origin: Behind;
  readonly api: Behind;
  readonly edge: Edge;
  readonly port: number;
  readonly metrics: Metrics;
  /** The edge's clock, ms; move it by hand. */
  readonly clock: { now: number };
  /** How many requests have come to the edge. */
  readonly received: { count: number };
  /** Asks and takes the whole answer. Rejects when the answer is cut. */
  ask(path: string, asking?: Asking): Promise<Answer>;
  /** Sends a request and hands over its answer as it comes. */
  open(path: string, asking?: Asking): ClientRequest;
  /** With what threads have counted up to now. */
  metricsText(): Promise<string>;
  close(): Promise<void>;
}

export type SceneOptions = Partial<EdgeOptions> & {
  readonly engine: 'uws' | 'uws-threads' | 'node';
  /** Of `uws-threads`. Default 1: beside the owner's own. */
  readonly threads?: number;
  readonly originSays?: RequestListener;
  readonly apiSays?: RequestListener;
};

const saysNothing: RequestListener = (_request, response) => {
  response.writeHead(404).end();
};

export async function openScene(options: SceneOptions): Promise<Scene> {
  const { engine, threads = 1, originSays = saysNothing, apiSays = saysNothing, ...edgeOptions } = options;
  const origin = await openBehind(originSays);
  const api = await openBehind(apiSays);
  const clock = new SharedClock();
  const metrics = new Metrics();
  const wiring = { origin: origin.url, api: api.url, memoryBytes: 64 * mebibyte, log: silentLog, metrics };
  const edge = openEdge({ ...wiring, now: () => clock.now, lends: engine === 'uws-threads', ...edgeOptions });
  const received = { count: 0 };
  const counted =
    (handler: HttpHandler): HttpHandler =>
    (request, response) => {
      received.count += 1;
      return handler(request, response);
    };
  const door = await openSceneDoor(engine, { edge, clock, count: threads }, counted);
  const { port } = door.address;
  return {
    origin,
    api,
    edge,
    port,
    metrics,
    clock,
    received,
    open: (path, asking) => openRequest(port, path, asking),
    ask: (path, asking) => readAnswer(openRequest(port, path, asking)),
    metricsText: () => {
      edge.stats();
      return metrics.text();
    },
    close: () => closeScene(door, edge, origin, api),
  };
}

/** Asks on new connections, so that each thread is asked, until this many requests in a row did not come to the owner. Says how many it were. */
export async function askUntilLent(
  scene: Scene,
  path: string,
  { inARow = 12, headers = {} }: { readonly inARow?: number; readonly headers?: Record<string, string> } = {},
): Promise<number> {
  let asked = 0;
  for (let own = 0; own < inARow; asked += 1) {
    const before = scene.received.count;
    const { status } = await scene.ask(path, { headers });
    if (status !== 200) throw new Error(`${path} was answered with ${status}`);
    own = scene.received.count === before ? own + 1 : 0;
    if (asked === 500) throw new Error(`${path} was not lent`);
  }
  return asked;
}

/** Which other threads see too. */
class SharedClock {
  readonly shared = new SharedArrayBuffer(8);
  readonly #ms = new Float64Array(this.shared);

  constructor() {
    this.now = Date.now();
  }

  get now(): number {
    return this.#ms[0] ?? 0;
  }

  set now(ms: number) {
    this.#ms[0] = ms;
  }
}

/** One more door of the scene's threads, where its answers do not count as received. */
export async function openThreadsDoor(scene: Scene, handler: HttpHandler): Promise<HttpServer> {
  const { threads } = scene.edge;
  if (threads === null) throw new Error('this edge has no threads');
  const program = builtProgram('door-thread');
  const options = { host: '127.0.0.1', port: 0, threads: 1, program, forProgram: () => threads.start() };
  const door = await openThreadedServer(options, handler, silentLog);
  threads.begin((what) => door.tellAll(what));
  return door;
}

async function openSceneDoor(
  engine: SceneOptions['engine'],
  { edge, clock, count }: { edge: Edge; clock: SharedClock; count: number },
  counted: (handler: HttpHandler) => HttpHandler,
): Promise<HttpServer> {
  const where = { host: '127.0.0.1', port: 0 };
  const { threads } = edge;
  if (engine !== 'uws-threads' || threads === null) {
    const plain = engine === 'node' ? engine : 'uws';
    const connectionGate = edge.connectionGate ?? undefined;
    return openHttpServer({ ...where, engine: plain, connectionGate }, counted(edge.handler), silentLog);
  }
  const forProgram = () => threads.start(clock.shared);
  const program = builtProgram('door-thread');
  const onSaid = (what: unknown) => threads.heard(what);
  const options = { ...where, threads: count, program, forProgram, onSaid };
  const door = await openThreadedServer(options, counted(threads.handler), silentLog);
  threads.begin((what) => door.tellAll(what));
  return door;
}

async function closeScene(door: HttpServer, edge: Edge, ...behind: readonly Behind[]): Promise<void> {
  await door.close(0);
  await edge.close();
  await Promise.all(behind.map((server) => server.close()));
}

function openRequest(port: number, path: string, asking: Asking = {}): ClientRequest {
  const { method = 'GET', headers = {}, body, from: localAddress } = asking;
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false, localAddress });
  sent.on('error', () => undefined);
  return sent.end(body);
}

/** Waits for the head. Rejects when none comes. */
export async function headOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [incoming] = (await once(sent, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  return incoming;
}

export async function readAnswer(sent: ClientRequest): Promise<Answer> {
  const incoming = await headOf(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString('latin1'),
    cacheStatus: String(incoming.headers['cache-status']),
  };
}

/** Waits until it holds, looking again every few ms; fails after a minute. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > 60_000) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Something that a test lets happen when it wants. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Says what it is told, when it is told. */
export function heldAnswers(): { says: RequestListener; answers: ServerResponse[] } {
  const answers: ServerResponse[] = [];
  return { answers, says: (_request, response) => void answers.push(response) };
}

export async function nextChunk(incoming: IncomingMessage): Promise<string> {
  const [chunk] = (await once(incoming, 'data')) as [Buffer];
  return chunk.toString();
}
