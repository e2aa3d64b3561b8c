/**
 * The life of a thread that has a door: opens it, answers what its program can answer by itself, relays the rest, closes when it is told to, and ends
 * when its last connection has gone. uWebSockets.js alone: Node's own servers take one thread (docs/decisions/0035-threads.md).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../telemetry/failure.js';
import { type Log, type LogLevel, openLog } from '../../telemetry/log.js';
import type { Certificates } from '../certificate-files.js';
import { HttpFailure } from '../http-failure.js';
import { loadUws } from '../load-uws.js';
import type { QuickAnswers } from '../quick-answers.js';
import type { HttpHandler, HttpServer } from '../server.js';
import { openUwsServer } from '../uws-engine.js';
import { DoorRelay } from './door-relay.js';
import { Outbox } from './outbox.js';
import type { DoorOpening, DoorStart, FromDoor, ToDoor } from './thread-messages.js';
import { ToldCertificates } from './told-certificates.js';

/** What a thread's program does beside relaying. */
export interface DoorProgram {
  /** What is not for it, it hands on. */
  serve(relay: HttpHandler): HttpHandler;
  readonly quick?: QuickAnswers | undefined;
  /** What the owner of the handler told it. */
  told(what: unknown): void;
  /** Its door has closed, and what it says now is the last that is heard of it. */
  closed?(): void;
}

/** Says something to whoever owns the handler: `onSaid` there. Fit for `postMessage`. */
export type Say = (what: unknown) => void;

export async function runDoor(open: (forProgram: unknown, say: Say) => DoorProgram): Promise<void> {
  if (parentPort === null) throw new Error('This program runs in a thread of its own.');
  const port = parentPort;
  const start = workerData as DoorStart;
  const log = openLog(start.logLevel as LogLevel);
  // A thread that ends with its door open takes the whole process with it.
  process.on('uncaughtException', (error) => log.error({ err: error }, 'a door thread failed, and goes on'));
  const outbox = new Outbox<FromDoor>(port);
  const relay = new DoorRelay(outbox);
  const program = open(start.forProgram, (what) => outbox.post({ kind: 'said', what }));
  const handler = program.serve((request, response) => relay.ask(request, response));
  const certificates = start.certificate === null ? undefined : new ToldCertificates(start.certificate);
  const parts = { handler, quick: program.quick, certificates, log };
  const server = await openDoor(start, parts).catch((error: unknown) => {
    const said = error instanceof HttpFailure ? { code: error.code, hint: error.hint } : {};
    port.postMessage({ opened: false, reason: messageOf(error), ...said } satisfies DoorOpening);
  });
  if (server === undefined) return;
  const close = async (graceMs: number) => {
    await server.close(graceMs);
    program.closed?.();
    outbox.flush();
    port.close();
  };
  port.on('message', (messages: ToDoor[]) => {
    for (const message of messages) {
      if (message.kind === 'told') program.told(message.what);
      else if (message.kind === 'certificate') certificates?.told(message.pair);
      else if (message.kind === 'close') void close(message.graceMs);
      else relay.take(message);
    }
  });
  port.postMessage({ opened: true, port: server.address.port } satisfies DoorOpening);
}

async function openDoor(
  start: DoorStart,
  {
    handler,
    log,
    ...parts
  }: {
    readonly handler: HttpHandler;
    readonly quick: QuickAnswers | undefined;
    readonly certificates: Certificates | undefined;
    readonly log: Log;
  },
): Promise<HttpServer> {
  const outcome = loadUws();
  if (!outcome.loaded) throw new Error(`uWebSockets.js does not load in a thread (${outcome.reason})`);
  const { host, port, headTimeoutMs, idleTimeoutMs, headBytesMax } = start;
  const given = Object.entries({ headTimeoutMs, idleTimeoutMs, headBytesMax }).filter(
    ([, value]) => value !== undefined,
  );
  const options = { host, port, ...Object.fromEntries(given), sharedPort: true, ...parts };
  return openUwsServer(outcome.uws, options, handler, log);
}
