import type { Command } from 'commander';
import { Failure } from '../../telemetry/failure.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface PurgeOptions extends BoxOptions {
  readonly prefix?: boolean;
  readonly tag?: boolean;
  readonly soft?: boolean;
}

export function addPurgeCommand(edge: Command): void {
  withBoxOptions(edge.command('purge'))
    .argument('<what>', 'an address or a path; with --prefix how they begin, with --tag a tag of theirs')
    .description('forget what is kept, here and at the edges below that follow this one')
    .option('--prefix', 'all addresses that begin so; / is everything')
    .option('--tag', 'all answers that have it in their Cache-Tag')
    .option(
      '--soft',
      'not gone, but stale: served while the upstream fails, and where the origin allows it while it is fetched anew',
    )
    .action(purge);
}

async function purge(what: string, { prefix, tag, soft = false, ...options }: PurgeOptions): Promise<void> {
  if (prefix && tag) {
    throw new Failure('cli.bad-argument', '--prefix and --tag cannot both be', { hint: 'Purge twice.' });
  }
  const kind = prefix ? 'prefix' : tag ? 'tag' : 'url';
  const { api, output } = openBox(options);
  const done = await api.post<{ purged: number }>('/_headwater/purges', { [kind]: what, soft });
  output.answer(
    done,
    `${done.purged} kept ${done.purged === 1 ? 'answer' : 'answers'} ${soft ? 'made stale' : 'forgotten'}`,
  );
}
