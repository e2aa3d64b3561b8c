import { RESTREAMS_MAX } from '../media/restream-address.js';
import type { Handlers } from './step.js';
import { accepted, refused } from './verdict.js';

/** Where channels are sent on to. Whether an address can be one is for the door that took it; it is not asked again here. */
export const restreamHandlers = {
  'channel.restream-added': ({ sql, at }, { channel, name, url }) => {
    if (!sql.get('SELECT 1 FROM channels WHERE name = ?', channel))
      return refused('absent', `there is no channel "${channel}"`);
    if (sql.get('SELECT 1 FROM restreams WHERE channel = ? AND name = ?', channel, name))
      return refused('exists', `the channel has a target "${name}" already`);
    const count = sql.get<{ n: number }>('SELECT count(*) AS n FROM restreams WHERE channel = ?', channel)?.n ?? 0;
    if (count >= RESTREAMS_MAX)
      return refused('conflict', `the channel has ${RESTREAMS_MAX} targets, and may not have more`);
    sql.run('INSERT INTO restreams (channel, name, url, created_at) VALUES (?, ?, ?, ?)', channel, name, url, at);
    return accepted();
  },

  'channel.restream-removed': ({ sql }, { channel, name }) =>
    sql.run('DELETE FROM restreams WHERE channel = ? AND name = ?', channel, name) > 0
      ? accepted()
      : refused('absent', `the channel has no target "${name}"`),
} satisfies Handlers<'channel.restream-added' | 'channel.restream-removed'>;
