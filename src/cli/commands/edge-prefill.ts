import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Failure, messageOf } from '../../telemetry/failure.js';
import { type BoxReference, localUrl } from '../api-client.js';
import { readBytes } from '../config-schema.js';
import { bar, formatBytes, openOutput } from '../output.js';
import { type PrefillProgress, prefill } from '../prefill.js';

const listMs = 30_000;
const listBytesMax = 64 * 2 ** 20;

interface PrefillCommandOptions extends BoxReference {
  readonly rate: string;
  readonly parallel: string;
  readonly popular?: string;
  readonly json?: boolean;
}

export function addPrefillCommand(edge: Command): void {
  edge
    .command('prefill')
    .argument('[list]', 'a file, or an http address, with an address or a path in each line; - is standard input')
    .description('have the edge fetch what is listed, and of HLS playlists all that they name, before viewers come')
    .option(
      '--popular <n>',
      'instead of a list: the n videos that are watched most, 1 to 1000, as the box behind the edge says',
    )
    .option('--rate <size>', 'bytes in a second, on average', '10MiB')
    .option('--parallel <n>', 'so many at the same time, 1 to 64', '4')
    .option('--data <dir>', "the edge's data folder: its address is found there (default: ./var)")
    .option('--url <url>', 'its address, instead of --data')
    .option('--json', 'answer with JSON on stdout')
    .action(fill);
}

async function fill(list: string | undefined, options: PrefillCommandOptions): Promise<void> {
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
  const end = await prefill(await addressesOf(list, options.popular, base), {
    base,
    bytesPerSec,
    parallel,
    onProgress,
  });
  for (const each of end.failed) output.note(each);
  output.answer(
    end,
    `${end.done - end.failures} fetched (${end.hits} were there already), ${formatBytes(end.bytes)}; ${end.failures} failed`,
  );
  if (end.failures > 0) process.exitCode = 1;
}

async function addressesOf(list: string | undefined, popular: string | undefined, base: string): Promise<string[]> {
  if ((list === undefined) === (popular === undefined)) {
    throw refused('either a list or --popular is needed', 'For example headwater edge prefill --popular 100.');
  }
  if (popular === undefined) return addressesIn(list ?? '-');
  const limit = Number(popular);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw refused(`--popular ${popular} is not allowed`, 'It takes a whole number from 1 to 1000.');
  }
  return addressesAt(`${base}/v1/popular?limit=${limit}`);
}

async function addressesIn(list: string): Promise<string[]> {
  if (/^https?:\/\//.test(list)) return addressesAt(list);
  try {
    return linesOf(readFileSync(list === '-' ? 0 : list, 'utf8'));
  } catch (cause) {
    throw unreadable(list, 'Name a file with an address in each line, or - for standard input.', cause);
  }
}

async function addressesAt(url: string): Promise<string[]> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(listMs) });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
    return linesOf(await boundedText(answer));
  } catch (cause) {
    throw unreadable(
      url,
      'It must answer with text, an address in each line; --popular needs a Headwater box behind the edge.',
      cause,
    );
  }
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > listBytesMax) throw new Error(`it is larger than ${formatBytes(listBytesMax)}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

const unreadable = (list: string, hint: string, cause: unknown) =>
  new Failure('cli.bad-argument', `the list ${list} cannot be read: ${messageOf(cause)}`, { hint, cause });

const refused = (message: string, hint: string) => new Failure('cli.bad-argument', message, { hint });
