import { endBroadcasts } from './apply-broadcasts.js';
import type { Handlers } from './step.js';
import { accepted, refused } from './verdict.js';

/** Users and channels. Whether an owner may own is for the door that authenticated them; it is not asked again here. */
export const accountHandlers = {
  'user.created': ({ sql, at }, { userId, name, role }) => {
    if (sql.get('SELECT 1 FROM users WHERE id = ?', userId))
      return refused('exists', `there is a user ${userId} already`);
    if (sql.get('SELECT 1 FROM users WHERE name = ?', name))
      return refused('exists', `there is a user "${name}" already`);
    sql.run('INSERT INTO users (id, name, role, created_at) VALUES (?, ?, ?, ?)', userId, name, role, at);
    return accepted();
  },

  'channel.created': ({ sql, at }, { name, ownerId, streamKey }) => {
    if (sql.get(CHANNEL_EXISTS, name)) return refused('exists', `there is a channel "${name}" already`);
    if (sql.get(KEY_EXISTS, streamKey)) return refused('exists', 'that stream key is in use');
    sql.run(
      'INSERT INTO channels (name, owner_id, stream_key, created_at) VALUES (?, ?, ?, ?)',
      name,
      ownerId,
      streamKey,
      at,
    );
    return accepted();
  },

  'channel.key-rotated': ({ sql }, { name, streamKey }) => {
    if (!sql.get(CHANNEL_EXISTS, name)) return refused('absent', `there is no channel "${name}"`);
    if (sql.get(KEY_EXISTS, streamKey)) return refused('exists', 'that stream key is in use');
    sql.run('UPDATE channels SET stream_key = ?, revision = revision + 1 WHERE name = ?', streamKey, name);
    return accepted();
  },

  'channel.deleted': ({ sql, at }, { name }) => {
    if (!sql.get(CHANNEL_EXISTS, name)) return refused('absent', `there is no channel "${name}"`);
    const endedBroadcasts = endBroadcasts(sql, name, at);
    sql.run('DELETE FROM channels WHERE name = ?', name);
    return accepted({ endedBroadcasts });
  },
} satisfies Handlers<'user.created' | 'channel.created' | 'channel.key-rotated' | 'channel.deleted'>;

const CHANNEL_EXISTS = 'SELECT 1 FROM channels WHERE name = ?';
const KEY_EXISTS = 'SELECT 1 FROM channels WHERE stream_key = ?';
