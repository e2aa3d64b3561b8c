import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { Failure } from '../../telemetry/failure.js';
import { type Address, formatAddress, parseAddress } from '../address.js';
import type { ReadyFile } from '../api-client.js';
import { type ConfigSources, loadSettings } from '../config.js';
import type { Settings } from '../config-schema.js';
import { describeError } from '../output.js';
import { addPrefillCommand } from './edge-prefill.js';
import { addPurgeCommand } from './edge-purge.js';
import { addSignCommand } from './edge-sign.js';

interface RunOptions {
  readonly upstream?: readonly string[];
  readonly listen?: string;
  readonly cacheMemory?: string;
  readonly cacheDisk?: readonly string[];
  readonly config?: string;
  readonly set: readonly string[];
  readonly http?: string;
  readonly https?: string;
  readonly https1?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly rtmp?: string;
  readonly rtmps?: string;
  readonly srt?: string;
  readonly webrtc?: string;
  readonly admin?: string;
  readonly data?: string;
  readonly readyFile?: string;
}

const flagKeys = {
  upstream: 'edge.upstreams',
  listen: 'http.listen',
  cacheMemory: 'edge.memory',
  cacheDisk: 'edge.disks',
  http: 'http.listen',
  https: 'https.listen',
  https1: 'https1.listen',
  tlsCert: 'https.certFile',
  tlsKey: 'https.keyFile',
  rtmp: 'rtmp.listen',
  rtmps: 'rtmps.listen',
  srt: 'srt.listen',
  webrtc: 'webrtc.listen',
  admin: 'admin.listen',
  data: 'data',
} as const;

export function addRunCommands(program: Command): void {
  withRunOptions(program.command('up'))
    .description('run a whole box: every role in one process (what npm start runs)')
    .option('--config <file>', 'settings; config/headwater.yaml is the commented reference')
    .action((options: RunOptions) => run(options, wholeBox));
  withRunOptions(program.command('run'))
    .description('run the roles that a configuration file names')
    .requiredOption('--config <file>', 'settings; config/headwater.yaml is the commented reference')
    .action((options: RunOptions) => run(options, (settings) => settings));
  const edge = program
    .command('edge')
    .description('run a cache in front of any HTTP server; no configuration file needed')
    // What follows a command of its own is that command's.
    .enablePositionalOptions()
    .option(
      '--upstream <url>',
      'the server that it stands before, for example http://127.0.0.1:8000; repeated: several with the same content',
      gather,
    )
    .option('--listen <addr:port>', 'its door; :8080 means every address (default: 0.0.0.0:8080)')
    .option('--cache-memory <size>', 'what the cache may hold in memory, for example 2GiB (default: 256MiB)')
    .option(
      '--cache-disk <dir:size>',
      'and on disk, below that, for example /cache1:200GiB; may be repeated',
      (disk: string, disks: readonly string[] = []) => [...disks, disk],
    )
    .option('--data <dir>', 'the folder that holds its state (default: ./var)')
    .option('--admin <addr:port>', 'metrics and health (default: 127.0.0.1:9180)')
    .option('--set <key=value>', 'any setting, e.g. --set edge.staleIfErrorSec=60; may be repeated', gather, [])
    .option('--ready-file <file>', 'write the bound addresses here too, once it serves')
    .action((options: RunOptions) => run(options, beforeAnyServer));
  withTlsOptions(edge);
  addPurgeCommand(edge);
  addPrefillCommand(edge);
  addSignCommand(edge);
}

const wholeBox = (settings: Settings): Settings => ({
  ...settings,
  roles: ['ingest', 'transcode', 'origin', 'edge', 'api'],
});
const beforeAnyServer = (settings: Settings): Settings => {
  const { origin, upstreams } = settings.edge;
  if (origin === null && upstreams.length === 0) {
    throw new Failure('cli.bad-setting', 'no server is named that the edge stands before', {
      hint: 'Give its address: headwater edge --upstream http://127.0.0.1:8000',
    });
  }
  // What the command names counts, whatever a file says.
  const edge = { ...settings.edge, origin: upstreams.length > 0 ? null : origin, anyOrigin: true };
  return { ...settings, roles: ['edge'], edge };
};

function withRunOptions(command: Command): Command {
  return withTlsOptions(command)
    .option('--data <dir>', 'the folder that holds all state (default: ./var)')
    .option('--http <addr:port>', 'the public door (default: 0.0.0.0:8080)')
    .option('--rtmp <addr:port>', 'where publishers push (default: 0.0.0.0:1935)')
    .option('--rtmps <addr:port>', 'the same over TLS; takes the certificate of --tls-cert and --tls-key')
    .option('--srt <addr:port>', 'UDP, where publishers push over SRT (default: 0.0.0.0:8890)')
    .option('--webrtc <addr:port>', 'UDP, media of WHIP publishers (default: 0.0.0.0:8189)')
    .option('--admin <addr:port>', 'metrics and health (default: 127.0.0.1:9180)')
    .option('--set <key=value>', 'any setting, e.g. --set live.segmentSec=4; may be repeated', gather, [])
    .option('--ready-file <file>', 'write the bound addresses here too, once everything serves');
}

function withTlsOptions(command: Command): Command {
  return command
    .option('--https <addr:port>', 'the public door over TLS (HTTP/2, HTTP/1.1); needs --tls-cert and --tls-key')
    .option('--https1 <addr:port>', 'the same with HTTP/1.1 alone, on the faster engine')
    .option('--tls-cert <file>', 'the certificate with its chain, PEM; read again when it changes')
    .option('--tls-key <file>', 'its key, PEM');
}

const gather = (value: string, before: readonly string[] = []) => [...before, value];

function sourcesOf(options: RunOptions): ConfigSources {
  const given = Object.entries(flagKeys).flatMap(([option, key]) => {
    const value = options[option as keyof typeof flagKeys];
    return value === undefined
      ? []
      : [[key, { flag: `--${option.replace(/[A-Z]/g, '-$&').toLowerCase()}`, value }] as const];
  });
  return { file: options.config, environment: process.env, sets: options.set, flags: Object.fromEntries(given) };
}

async function run(options: RunOptions, withRoles: (settings: Settings) => Settings): Promise<void> {
  // Whoever read what this says may be gone, as a journal that is restarted is: no reason to break off.
  for (const said of [process.stdout, process.stderr]) said.on('error', () => undefined);
  const settings = withRoles(loadSettings(sourcesOf(options)));
  const { openBox } = await import('../box.js');
  const box = await openBox(settings, { readyFiles: options.readyFile === undefined ? [] : [options.readyFile] });
  const stop = (signal: string) => {
    process.stderr.write(`${signal}: draining\n`);
    box.close().then(
      () => process.exit(0),
      (error) => {
        process.stderr.write(`${describeError(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  process.stdout.write(`${greeting(settings, box)}\n`);
}

/** What the operator reads after a start. */
function greeting(settings: Settings, box: { ready: ReadyFile; signInCode: string | null }): string {
  const { http, https, https1, rtmp, rtmps, srt, webrtc, admin } = box.ready;
  const data = settings.data === './var' ? '' : ` --data ${settings.data}`;
  const lines = ['', 'Headwater is running.', ''];
  if (http) {
    const web = settings.publicUrl ?? `http://${formatAddress(reachable(parseAddress(http)))}`;
    lines.push(`  web       ${web}/`);
    if (box.signInCode) lines.push(`  sign in   ${web}/#sign-in=${box.signInCode}   (once, as the operator)`);
  }
  if (https) lines.push(`  over TLS  https://${formatAddress(reachable(parseAddress(https)))}/`);
  if (https1) lines.push(`  HTTP/1.1  https://${formatAddress(reachable(parseAddress(https1)))}/`);
  if (rtmp) lines.push(`  push to   rtmp://${formatAddress(reachable(parseAddress(rtmp)))}/live/<stream key>`);
  if (rtmps) lines.push(`  or RTMPS  rtmps://${formatAddress(reachable(parseAddress(rtmps)))}/live/<stream key>`);
  if (srt) lines.push(`  or SRT    srt://${formatAddress(reachable(parseAddress(srt)))}?streamid=<stream key>`);
  if (http && webrtc) lines.push(`  or WHIP   ${whipAddress(settings, http)}   (bearer token: the stream key)`);
  if (admin) lines.push(`  metrics   http://${admin}/metrics`);
  lines.push(`  data      ${settings.data}`, '');
  if (rtmp) {
    lines.push(
      `Create a channel:       npm run -s headwater -- channel create town-hall${data}`,
      `No camera at hand?      npm run -s headwater -- demo${data}`,
      '(after npm i -g . it is just: headwater …)',
    );
  }
  return lines.join('\n');
}

function whipAddress({ publicUrl }: Settings, http: string): string {
  return `${publicUrl ?? `http://${formatAddress(reachable(parseAddress(http)))}`}/whip`;
}

/** The address that others can dial: for "every address", this machine's first one on a network, else localhost. */
function reachable({ host, port }: Address): Address {
  if (host !== '0.0.0.0' && host !== '::') return { host, port };
  const outward = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = outward.find(({ family, internal }) => family === 'IPv4' && !internal);
  return { host: found?.address ?? 'localhost', port };
}
