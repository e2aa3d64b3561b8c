import type { Command } from 'commander';
import { formatBytes, table } from '../output.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface Status {
  readonly version: string;
  readonly uptimeSec: number;
  readonly live: readonly {
    channel: string;
    protocol: string;
    startedAt: number;
    renditions: readonly string[];
    restarts: number;
  }[];
  readonly jobs: {
    readonly queued: number;
    readonly processing: number;
    readonly done: number;
    readonly failed: number;
  };
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    readonly hitRatio: number;
    readonly memoryBytes: number;
    readonly objects: number;
  };
}

export function addStatusCommand(program: Command): void {
  withBoxOptions(program.command('status'))
    .description('show live channels, jobs and the cache')
    .action(async (options: BoxOptions) => {
      const { api, output } = openBox(options);
      const status = await api.get<Status>('/v1/status');
      output.answer(status, describe(status));
    });
}

function describe({ version, uptimeSec, live, jobs, cache }: Status): string {
  const rows = live.map(({ channel, protocol, startedAt, renditions, restarts }) => [
    channel,
    protocol,
    `${Math.round((Date.now() - startedAt) / 1000)} s`,
    renditions.join(' '),
    String(restarts),
  ]);
  return [
    `headwater ${version}, up ${Math.round(uptimeSec)} s`,
    '',
    live.length > 0 ? table([['LIVE', 'BY', 'FOR', 'RENDITIONS', 'RESTARTS'], ...rows]) : 'no channel is live',
    '',
    `jobs    ${jobs.processing} running, ${jobs.queued} waiting, ${jobs.done} done, ${jobs.failed} failed`,
    `cache   ${cache.hits + cache.misses === 0 ? 'no requests yet' : `${(cache.hitRatio * 100).toFixed(1)}% hits`}, ` +
      `${cache.objects} objects, ${formatBytes(cache.memoryBytes)} in memory`,
  ].join('\n');
}
