/**
 * The process that runs WebRTC for the box: native code that reads foreign bytes, which may take this process down but
 * not the box. Commands come on stdin, reports and media go out on descriptor 3; it ends when stdin does.
 */
import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { IceUdpMuxListener } from 'node-datachannel';
import { messageOf } from '../../telemetry/failure.js';
import { type ChildCommand, type ChildReport, type ChildStart, controlBlock, PipeReader } from './child-messages.js';
import { ChildSessions } from './child-sessions.js';
import { loadWebrtc } from './load-webrtc.js';

const start = JSON.parse(process.argv[2] ?? '') as ChildStart;
const output = new Socket({ fd: 3, readable: false, writable: true });
/** For the last packets to publishers whose sessions were closed just before. */
const GOODBYE_MS = 100;
/** One that the box left behind when it was killed may hold the port for a moment longer. */
const PORT_TRIES = { count: 8, everyMs: 200 };
/** Not by way of the library's own clean-up, which is not safe while its threads run. */
const end = (): never => process.kill(process.pid, 'SIGKILL') as never;
output.on('error', end);
process.stdin.on('end', () => setTimeout(GOODBYE_MS).then(end));
// A signal to the whole terminal is the box's affair, which has its publishers to say goodbye to.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
/** Holds the port from the first moment to the last, whether anybody publishes or not. */
let listener: IceUdpMuxListener | null = null;

function giveUp(cause: (ChildReport & { readonly type: 'unable' })['cause'], message: string): void {
  output.write(controlBlock({ type: 'unable', cause, message }), end);
}

/** The port, tried by our own socket first: the library would take "any" for one per session, and says less on failure. */
function findPort({ host, port }: ChildStart): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.bind({ port, address: host, exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

async function keepFinding(wanted: ChildStart): Promise<number> {
  for (let tried = 1; tried < PORT_TRIES.count; tried++) {
    const found = await findPort(wanted).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      return null;
    });
    if (found !== null) return found;
    await setTimeout(PORT_TRIES.everyMs);
  }
  return findPort(wanted);
}

async function open(): Promise<void> {
  const loaded = await loadWebrtc();
  if (!loaded.loaded) return giveUp('not-loaded', loaded.reason);
  const port = await keepFinding(start);
  listener = new loaded.webrtc.IceUdpMuxListener(port, start.host);
  const sessions = new ChildSessions({ webrtc: loaded.webrtc, ...start, port, output });
  const reader = new PipeReader<ChildCommand>((message) => {
    if (message.kind === 'control') sessions.take(message.control);
  });
  process.stdin.on('data', (bytes: Buffer) => reader.push(bytes));
  output.write(controlBlock({ type: 'ready', port: listener.port() }));
}

open().catch((error: NodeJS.ErrnoException) => {
  giveUp(error.code === 'EADDRINUSE' ? 'in-use' : 'listen-failed', messageOf(error));
});
