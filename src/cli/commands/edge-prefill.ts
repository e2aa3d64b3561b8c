import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Failure, messageOf } from '../../telemetry/failure.js';
import { type BoxReference, localUrl } from '../api-client.js';
import { readBytes } from '../config-schema.js';
import { bar, formatBytes, openOutput } from '../output.js';
import { type PrefillProgress, prefill } from '../prefill.js';

interface PrefillCommandOptions extends BoxReference {
  readonly rate: string;
  readonly parallel: string;
  readonly json?: boolean;
}

export function addPrefillCommand(edge: Command): void {
  edge
    .command('prefill')
    .argument('<list>', 'a file with an address or a path in each line; - is standard input')
    .description('have the edge fetch what is listed, and of HLS playlists all that they name, before viewers come')
    .option('--rate <size>', 'bytes in a second, on average', '10MiB')
    .option('--parallel <n>', 'so many at the same time, 1 to 64', '4')
    .option('--data <dir>', "the edge's data folder: its address is found there (default: ./var)")
    .option('--url <url>', 'its address, instead of --data')
    .option('--json', 'answer with JSON on stdout')
    .action(fill);
}

async function fill(list: string, options: PrefillCommandOptions): Promise<void> {
  const bytesPerSec = readBytes(options.rate) ?? 0;
  if (bytesPerSec < 1) throw refused(`--rate ${options.rate} is no size`, 'For example --rate 20MiB.');
  const parallel = Number(options.parallel);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) {
    throw refused(`--parallel ${options.parallel} is not allowed`, 'It takes a whole number from 1 to 64.');
  }
  const output = openOutput(options.json === true);
  const base = options.url?.replace(/\/+$/, '') ?? localUrl(options.data ?? process.env.HEADWATER_DATA ?? './var');
  const onProgress = ({ done, addresses, bytes }: PrefillProgress) =>
    output.progress(`${bar(done / Math.max(1, addresses))}  ${done} of ${addresses}, ${formatBytes(bytes)}`);
  const end = await prefill(addressesIn(list), { base, bytesPerSec, parallel, onProgress });
  for (const each of end.failed) output.note(each);
  output.answer(
    end,
    `${end.done - end.failures} fetched (${end.hits} were there already), ${formatBytes(end.bytes)}; ${end.failures} failed`,
  );
  if (end.failures > 0) process.exitCode = 1;
}

function addressesIn(list: string): string[] {
  try {
    const lines = readFileSync(list === '-' ? 0 : list, 'utf8').split(/\r?\n/);
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  } catch (cause) {
    throw new Failure('cli.bad-argument', `the list ${list} cannot be read: ${messageOf(cause)}`, {
      hint: 'Name a file with an address in each line, or - for standard input.',
      cause,
    });
  }
}

const refused = (message: string, hint: string) => new Failure('cli.bad-argument', message, { hint });
