/**
 * The process that alone loads libsrt. It lives from `ListenerChild` to the end of its stdin: a parent that dies takes it
 * along. Commands come in on stdin, reports and media go out on descriptor 3. With the argument `probe` it only says which
 * library it found.
 */
import { Socket } from 'node:net';
import { messageOf } from '../../telemetry/failure.js';
import { CommandLines } from './command-lines.js';
import { Listener } from './listener.js';
import type { LibSrtProbe } from './listener-child.js';
import type { ListenerReport } from './listener-messages.js';
import { SRT_PACKET_FILTER } from './packet-filter.js';
import { PipeWriter } from './pipe-writer.js';

const STDIN = 0;

/** What koffi has to be there for. */
type Loaded =
  | {
      readonly srt: import('./libsrt.js').LibSrt;
      readonly system: typeof import('./libc.js');
    }
  | { readonly missing: string };

/** koffi itself may have no binary for this machine. */
async function load(): Promise<Loaded> {
  if (process.platform !== 'linux') return { missing: 'SRT is served on Linux alone' };
  try {
    const { LibSrt } = await import('./libsrt.js');
    const system = await import('./libc.js');
    const srt = LibSrt.load();
    return 'missing' in srt ? srt : { srt, system };
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
  process.stdout.write(JSON.stringify(probe(loaded)), end);
} else {
  serve(loaded);
}

function probe(found: Loaded): LibSrtProbe {
  if ('missing' in found) return found;
  const { library, version } = found.srt;
  return { library, version, unfiltered: found.system.tryFilter(SRT_PACKET_FILTER) };
}

function serve(found: Loaded): void {
  const out = new Socket({ fd: 3, readable: false, writable: true });
  out.on('error', end);
  const pipe = new PipeWriter(out);
  if ('missing' in found) {
    pipe.report({ kind: 'failed', reason: 'library', message: found.missing } satisfies ListenerReport);
    process.stdin.on('end', end).resume();
    return;
  }
  const { srt, system } = found;
  system.confine();
  srt.start();
  const commands = new CommandLines((command) => listener.command(command));
  const listener = new Listener({ srt, ports: system }, pipe, () => commands.catchUp(STDIN));
  process.stdin.on('data', (bytes) => commands.push(bytes));
  process.stdin.on('end', end);
  process.stdin.on('error', end);
}
