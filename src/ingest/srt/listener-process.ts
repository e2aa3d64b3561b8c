/**
 * The process that alone loads libsrt. It lives from `ListenerChild` to the end of its stdin: a parent that dies takes it
 * along. Commands come in on stdin, reports and media go out on descriptor 3. With the argument `probe` it only says which
 * library it found.
 */
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { messageOf } from '../../telemetry/failure.js';
import { Listener } from './listener.js';
import type { ListenerCommand, ListenerReport } from './listener-messages.js';
import { PipeWriter } from './pipe-writer.js';

type Loaded = import('./libsrt.js').LibSrt | { readonly missing: string };

/** koffi itself may have no binary for this machine. */
async function load(): Promise<Loaded> {
  try {
    const { LibSrt } = await import('./libsrt.js');
    return LibSrt.load();
  } catch (error) {
    return { missing: messageOf(error) };
  }
}

/** At once, without libsrt's own tidying up: it could wait for threads, and the system takes everything back anyway. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

const loaded = await load();
if (process.argv[2] === 'probe') {
  const found = 'missing' in loaded ? loaded : { library: loaded.library, version: loaded.version };
  process.stdout.write(JSON.stringify(found), end);
} else {
  serve(loaded);
}

function serve(srt: Loaded): void {
  const out = new Socket({ fd: 3, readable: false, writable: true });
  out.on('error', end);
  const pipe = new PipeWriter(out);
  if ('missing' in srt) {
    pipe.report({ kind: 'failed', reason: 'library', message: srt.missing } satisfies ListenerReport);
    process.stdin.on('end', end).resume();
    return;
  }
  srt.start();
  const listener = new Listener(srt, pipe);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => listener.command(JSON.parse(line) as ListenerCommand));
  lines.on('close', end);
}
