import type { Command } from 'commander';
import { describeRestreams, type Restream } from '../restream-text.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

/** `channel restream`: where a channel is sent on to. Answers never hold the stream keys and passphrases that were given. */
export function addChannelRestream(channel: Command): void {
  const restream = channel.command('restream').description('send a channel on to other servers while it is live');
  withBoxOptions(restream.command('add <channel> <url>'))
    .description(
      'add a target: rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY or "srt://HOST:PORT?streamid=…&passphrase=…&latency=MS"',
    )
    .option('--name <name>', 'what to call it (default: made from the host)')
    .action(async (name: string, url: string, options: BoxOptions & { readonly name?: string }) => {
      const { api, output } = openBox(options);
      const body = { url, ...(options.name === undefined ? {} : { name: options.name }) };
      const added = await api.post<Restream>(pathOf(name), body);
      output.answer(added, `added ${added.name}: ${added.url}`);
    });
  withBoxOptions(restream.command('list <channel>'))
    .description("list a channel's targets and how it goes with them")
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const { restreams } = await api.get<{ restreams: Restream[] }>(pathOf(name));
      output.answer(restreams, describeRestreams(restreams));
    });
  withBoxOptions(restream.command('remove <channel> <name>'))
    .description('remove a target; one that is being sent to is left at once')
    .action(async (name: string, target: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      await api.delete(`${pathOf(name)}/${encodeURIComponent(target)}`);
      output.answer({ channel: name, name: target, removed: true }, `removed ${target}`);
    });
}

const pathOf = (channel: string): string => `/v1/channels/${encodeURIComponent(channel)}/restreams`;
