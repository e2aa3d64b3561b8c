import type { Command } from 'commander';
import type { ApiClient } from '../api-client.js';
import { type Channel, describeChannel } from '../channel-text.js';
import { table } from '../output.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';
import { addChannelRestream } from './channel-restream.js';
import { addChannelSet } from './channel-set.js';

export function addChannelCommands(program: Command): void {
  const channel = program.command('channel').description('create and look after live channels');
  withBoxOptions(channel.command('create <name>'))
    .description('create a channel; prints where to push and where to watch')
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const created = await api.post<Channel>('/v1/channels', { name });
      output.answer(pushAddresses(created), describeChannel(created));
    });
  withBoxOptions(channel.command('list'))
    .description('list the channels')
    .action(async (options: BoxOptions) => {
      const { api, output } = openBox(options);
      const channels = await everyChannel(api);
      const rows = channels.map(({ name, live, watchUrl }) => [name, live ? 'live' : '-', watchUrl]);
      output.answer(channels, channels.length > 0 ? table([['NAME', 'STATE', 'WATCH'], ...rows]) : 'no channels yet');
    });
  withBoxOptions(channel.command('show <name>'))
    .description("show a channel's addresses, stream key and settings")
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const found = await api.get<Channel>(`/v1/channels/${encodeURIComponent(name)}`);
      output.answer(found, describeChannel(found));
    });
  addChannelSet(channel);
  addChannelRestream(channel);
  withBoxOptions(channel.command('rotate-key <name>'))
    .description('give a channel a new stream key; whoever pushes with the old one is cut')
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const rotated = await api.post<Channel>(`/v1/channels/${encodeURIComponent(name)}/rotate-key`);
      output.answer(pushAddresses(rotated), describeChannel(rotated));
    });
  withBoxOptions(channel.command('delete <name>'))
    .description('delete a channel; a broadcast on it ends')
    .action(async (name: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      await api.delete(`/v1/channels/${encodeURIComponent(name)}`);
      output.answer({ name, deleted: true }, `deleted ${name}`);
    });
}

/** Exactly the fields that a program which pushes needs. */
function pushAddresses({ name, streamKey, rtmpUrl, hlsUrl, dashUrl, watchUrl }: Channel): Channel {
  return { name, hlsUrl, dashUrl, watchUrl, ...(streamKey ? { streamKey } : {}), ...(rtmpUrl ? { rtmpUrl } : {}) };
}

async function everyChannel(api: ApiClient): Promise<Channel[]> {
  const channels: Channel[] = [];
  let next: string | null = '/v1/channels?limit=100';
  while (next !== null) {
    const page: { channels: Channel[]; next?: string | null } = await api.get(next);
    channels.push(...page.channels);
    next = page.next ? `/v1/channels?limit=100&after=${encodeURIComponent(page.next)}` : null;
  }
  return channels;
}
