import type { Command } from 'commander';
import { readIpNetwork } from '../../edge-cache/gates/ip-network.js';
import { rulePath } from '../../edge-cache/gates/rule-path.js';
import { type Claims, readToken, type SigningKey, writeToken } from '../../edge-cache/gates/signed-token.js';
import { mediaFolder, readMediaPath } from '../../media/media-path.js';
import { Failure } from '../../telemetry/failure.js';
import { loadSettings } from '../config.js';
import { openOutput } from '../output.js';
import { readSigningKeys } from '../signing-keys.js';

interface SignOptions {
  readonly expires: string;
  readonly network: readonly string[];
  readonly prefix?: boolean;
  readonly also: readonly string[];
  readonly key?: string;
  readonly inPath?: boolean;
  readonly config?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

const gather = (value: string, before: readonly string[]) => [...before, value];

export function addSignCommand(edge: Command): void {
  edge
    .command('sign')
    .argument('<address>', 'a path, /vod/v_…/index.m3u8, or a whole address')
    .description('print an address with a token that opens it, signed with the first of edge.signed.keys')
    .requiredOption('--expires <span>', 'for how long: 90s, 30m, 2h, 7d')
    .option('--prefix', "all in the address's folder, and for a video all of its media; else this address alone")
    .option('--also <folder>', 'all in this folder too, for example /media/b_…/; may be repeated', gather, [])
    .option('--network <cidr>', 'only for clients in this network; may be repeated', gather, [])
    .option('--key <id>', 'sign with this key')
    .option('--in-path', 'carry the token in the path: players keep it for relative addresses')
    .option('--config <file>', 'the settings with the keys')
    .option('--set <key=value>', 'any setting; may be repeated', gather, [])
    .option('--json', 'answer with JSON on stdout')
    .action((address: string, options: SignOptions) => sign(address, options));
}

function sign(address: string, options: SignOptions): void {
  const settings = loadSettings({ file: options.config, environment: process.env, sets: options.set });
  const key = keyOf(readSigningKeys(settings), options.key);
  const { base, path, query } = partsOf(address, settings.publicUrl);
  const exp = Math.floor(Date.now() / 1000) + secondsOf(options.expires);
  const paths = pathsOf(path, options);
  const nets = options.network.map(checkedNetwork);
  const token = writeToken(key, { exp, paths, ...(nets.length === 0 ? {} : { nets }) } satisfies Claims);
  if (readToken(token, [key]).kind !== 'grant') {
    throw refused(
      'so many folders and networks do not fit into a token',
      'Name fewer of them: at most 16 each, in 2048 bytes.',
    );
  }
  const parameter = `${settings.edge.signed.parameter}=${token}`;
  const url = options.inPath
    ? `${base}/~${token}${path}${query === '' ? '' : `?${query}`}`
    : `${base}${path}?${query === '' ? '' : `${query}&`}${parameter}`;
  const output = openOutput(options.json === true);
  if (options.prefix && readMediaPath(path)?.kind.startsWith('live-')) {
    output.note(
      'Segments of a channel lie under /media/<broadcast>/: where that is guarded too, add --also /media/b_…/',
    );
  }
  output.answer({ url, token, expires: new Date(exp * 1000).toISOString(), paths }, url);
}

function keyOf(keys: readonly SigningKey[], id: string | undefined): SigningKey {
  const key = id === undefined ? keys[0] : keys.find((each) => each.id === id);
  if (key !== undefined) return key;
  throw refused(
    id === undefined ? 'the settings name no key' : `there is no key ${id}`,
    'List keys in the settings, edge.signed.keys: [{ id: k1, secretFile: FILE }], and name them: --config FILE',
  );
}

function partsOf(address: string, publicUrl: string | null): { base: string; path: string; query: string } {
  const [, base, target = ''] = /^(https?:\/\/[^/?#]+)?(\/[^#]*)$/.exec(address) ?? [];
  const [path = '', ...query] = target.split('?');
  // As the door will see it.
  if (/^[\x21-\x7e]+$/.test(path) && rulePath(path) !== null) {
    return { base: base ?? publicUrl ?? '', path, query: query.join('?') };
  }
  throw refused(
    `${address} is no address that could be signed`,
    'Give a path that begins with a slash, or a whole address; without dot segments, and with other characters percent-encoded.',
  );
}

function pathsOf(path: string, { prefix, also }: SignOptions): string[] {
  const seen = rulePath(path) ?? path;
  const address = readMediaPath(path);
  const media = prefix && address !== null && 'videoId' in address ? [mediaFolder(address.videoId)] : [];
  const own = prefix ? seen.slice(0, seen.lastIndexOf('/') + 1) : seen;
  return [...new Set([own, ...media, ...also.map(checkedFolder)])];
}

function checkedFolder(folder: string): string {
  if (folder.startsWith('/') && folder.endsWith('/') && rulePath(folder) === folder) return folder;
  throw refused(
    `--also ${folder} is no folder`,
    'A folder begins and ends with a slash, for example --also /media/v_…/',
  );
}

function checkedNetwork(cidr: string): string {
  if (readIpNetwork(cidr) !== null) return cidr;
  throw refused(`--network ${cidr} is no network`, 'Write CIDR notation, for example 192.0.2.0/24 or 2001:db8::/32.');
}

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const tenYearsSec = 10 * 365 * 86_400;

function secondsOf(span: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(span) ?? [];
  const seconds = Number(count) * (unitSeconds[unit] ?? 0);
  if (seconds > 0 && seconds <= tenYearsSec) return seconds;
  throw refused(`--expires ${span} is no span`, 'Write a number with its unit, 90s, 30m, 2h or 7d; at most ten years.');
}

const refused = (message: string, hint: string) => new Failure('cli.bad-argument', message, { hint });
