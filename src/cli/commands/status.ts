import type { Command } from 'commander';
import { formatBytes, table } from '../output.js';
import { RESTREAM_HEAD, type Restream, restreamCells, restreamTroubles } from '../restream-text.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface LiveChannel {
  readonly channel: string;
  readonly state: string;
  readonly startedAt: number;
  readonly renditions: readonly string[];
  readonly restarts: number;
  readonly restreams: readonly Restream[];
  readonly sources: readonly {
    readonly role: string;
    readonly protocol: string;
    readonly remoteAddress: string;
    readonly onAir: boolean;
    readonly link: LinkStats | null;
  }[];
}

interface LinkStats {
  readonly rttMs: number | null;
  readonly lossRatio: number | null;
  readonly retransmits: number | null;
  readonly bitrate: number | null;
}

interface Status {
  readonly version: string;
  readonly uptimeSec: number;
  readonly live: readonly LiveChannel[];
  readonly notRunning: readonly { readonly part: string; readonly reason: string }[];
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

function describe({ version, uptimeSec, live, notRunning, jobs, cache }: Status): string {
  const rows = live.map(({ channel, state, startedAt, renditions, restarts }) => [
    channel,
    SHOWN[state] ?? state,
    `${Math.round((Date.now() - startedAt) / 1000)} s`,
    renditions.join(' '),
    String(restarts),
  ]);
  return [
    `headwater ${version}, up ${Math.round(uptimeSec)} s`,
    '',
    live.length > 0 ? table([['LIVE', 'SHOWS', 'FOR', 'RENDITIONS', 'RESTARTS'], ...rows]) : 'no channel is live',
    '',
    ...publishers(live),
    ...restreams(live),
    ...notRunning.map(({ part, reason }) => `${part} is off: ${reason}`),
    `jobs    ${jobs.processing} running, ${jobs.queued} waiting, ${jobs.done} done, ${jobs.failed} failed`,
    `cache   ${cache.hits + cache.misses === 0 ? 'no requests yet' : `${(cache.hitRatio * 100).toFixed(1)}% hits`}, ` +
      `${cache.objects} objects, ${formatBytes(cache.memoryBytes)} in memory`,
  ].join('\n');
}

const SHOWN: Readonly<Record<string, string>> = { live: 'live', slate: 'the slate', holding: 'nothing new' };

/** Who publishes, and over what network. */
function publishers(live: readonly LiveChannel[]): string[] {
  const rows = live.flatMap(({ channel, sources }) =>
    sources.map(({ role, protocol, remoteAddress, onAir, link }) => [
      ...[channel, onAir ? `${role} (on air)` : role, `${protocol} ${remoteAddress}`],
      ...describeLink(link),
    ]),
  );
  return rows.length === 0
    ? []
    : [table([['PUBLISHER', 'AS', 'FROM', 'RATE', 'RTT', 'LOST', 'SENT AGAIN'], ...rows]), ''];
}

/** Where live channels are sent on to. */
function restreams(live: readonly LiveChannel[]): string[] {
  const rows = live.flatMap((each) => each.restreams.map((target) => [each.channel, ...restreamCells(target)]));
  const troubles = live.flatMap((each) =>
    restreamTroubles(each.restreams).map((words) => `${each.channel} to ${words}`),
  );
  return rows.length === 0 ? [] : [table([['RESTREAM', ...RESTREAM_HEAD], ...rows]), ...troubles, ''];
}

function describeLink(link: LinkStats | null): string[] {
  const { rttMs = null, lossRatio = null, retransmits = null, bitrate = null } = link ?? {};
  return [
    bitrate === null ? '-' : `${(bitrate / 1e6).toFixed(1)} Mb/s`,
    rttMs === null ? '-' : `${rttMs.toFixed(rttMs < 10 ? 1 : 0)} ms`,
    lossRatio === null ? '-' : `${(lossRatio * 100).toFixed(2)}%`,
    retransmits === null ? '-' : String(retransmits),
  ];
}
