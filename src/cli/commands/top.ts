import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Failure, messageOf } from '../../telemetry/failure.js';
import { dialable, readAddress } from '../address.js';
import { readReadyFile } from '../api-client.js';
import { type EdgeActivity, edgeActivity } from '../edge-activity.js';
import { MetricsSample } from '../metrics-sample.js';
import { formatBytes, table } from '../output.js';

interface TopOptions {
  readonly data?: string;
  readonly admin?: string;
  readonly every: string;
  readonly count?: string;
  readonly json?: boolean;
}

export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('show what the edge does, live: requests, hits, tiers, upstreams')
    .option('--data <dir>', "the box's data folder: its metrics are found there (default: ./var)")
    .option('--admin <addr:port>', 'where its metrics are, instead of --data')
    .option('--every <seconds>', 'how often to look', '1')
    .option('--count <n>', 'look so often, and end (default: until Ctrl-C)')
    .option('--json', 'a line of JSON for each look')
    .action(top);
}

async function top(options: TopOptions): Promise<void> {
  const address = adminAddress(options);
  const everyMs = 1000 * numberOf('--every', options.every, 0.1, 3600);
  const count = options.count === undefined ? Number.POSITIVE_INFINITY : numberOf('--count', options.count, 1, 1e9);
  const inPlace = process.stdout.isTTY === true && !options.json;
  let [before, beforeAt] = [await look(address), performance.now()];
  for (let looks = 0; looks < count; looks += 1) {
    await sleep(everyMs);
    const [after, afterAt] = [await look(address), performance.now()];
    const activity = edgeActivity(before, after, (afterAt - beforeAt) / 1000);
    [before, beforeAt] = [after, afterAt];
    const shown = options.json ? JSON.stringify(activity) : `${describe(activity)}\n`;
    // From the top left corner, and nothing below.
    process.stdout.write(inPlace ? `\x1b[H\x1b[J${shown}` : `${shown}\n`);
  }
}

function adminAddress({ admin, data }: TopOptions): string {
  const folder = data ?? process.env.HEADWATER_DATA ?? './var';
  const address = readAddress(admin ?? readReadyFile(folder)?.admin ?? '');
  if (address !== null) return dialable(address);
  if (admin !== undefined) {
    throw new Failure('cli.bad-argument', `--admin ${admin} is no address`, { hint: 'For example 127.0.0.1:9180.' });
  }
  throw new Failure('cli.no-box', `no box is running on the data folder ${folder}`, {
    hint: 'Name its data folder with --data DIR, or where its metrics are with --admin ADDR:PORT.',
  });
}

function numberOf(flag: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= min && number <= max) return number;
  throw new Failure('cli.bad-argument', `${flag} ${text} is not allowed`, {
    hint: `It takes a number from ${min} to ${max}.`,
  });
}

async function look(address: string): Promise<MetricsSample> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(10_000) });
    if (answer.ok) return new MetricsSample(await answer.text());
    throw new Error(`it answered ${answer.status}`);
  } catch (cause) {
    throw new Failure('cli.unreachable', `no metrics from http://${address}/metrics: ${messageOf(cause)}`, {
      hint: 'Check that the box runs, and that this is its admin address.',
      cause,
    });
  }
}

const perSec = (rate: number): string => `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en')}/s`;
const bytesPerSec = (rate: number): string => `${formatBytes(rate)}/s`;

function describe(activity: EdgeActivity): string {
  const { hitRatio, fills, memory, disks, upstreams } = activity;
  const ratio = hitRatio === null ? '-' : `${(100 * hitRatio).toFixed(1)}%`;
  const outcomes = Object.entries(activity.outcomesPerSec).map(([name, rate]) => `${name} ${perSec(rate)}`);
  const mean = fills.meanMs === null ? '' : `, ${Math.round(fills.meanMs)} ms each`;
  const uses = `${formatBytes(memory.fillingBytes)} filling, ${formatBytes(memory.pinnedBytes)} pinned`;
  const rows = [
    ['requests', `${perSec(activity.requestsPerSec)}, hits ${ratio}, ${bytesPerSec(activity.servedBytesPerSec)}`],
    ['', outcomes.join(', ')],
    ['fills', `${perSec(fills.perSec)}${mean}, broken ${perSec(fills.brokenPerSec)}`],
    ['memory', `${formatBytes(memory.storedBytes)} in ${memory.objects} objects, ${uses}`],
    ['', `evictions ${perSec(memory.evictionsPerSec)}`],
    ...disks.map((disk) => ['disk', describeDisk(disk)]),
    ...upstreams.map((upstream) => ['upstream', describeUpstream(upstream)]),
  ];
  return table(rows);
}

function describeDisk(disk: EdgeActivity['disks'][number]): string {
  const state = [disk.reads ? '' : ', OUT', disk.reads && !disk.writes ? ', NOT WRITTEN' : ''].join('');
  const flow = `read ${bytesPerSec(disk.readBytesPerSec)}, written ${bytesPerSec(disk.writtenBytesPerSec)}`;
  const kept = `${formatBytes(disk.bytes)} in ${disk.objects} objects`;
  return `${disk.disk}: ${kept}, hits ${perSec(disk.hitsPerSec)}, ${flow}, errors ${perSec(disk.errorsPerSec)}${state}`;
}

function describeUpstream({
  server,
  requestsPerSec,
  errorsPerSec,
  inService,
}: EdgeActivity['upstreams'][number]): string {
  return `${server}: ${perSec(requestsPerSec)}, errors ${perSec(errorsPerSec)}${inService === false ? ', LEFT OUT' : ''}`;
}
