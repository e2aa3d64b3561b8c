import { endBroadcasts } from './apply-broadcasts.js';
import { schemaVersion } from './schema.js';
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

  'channel.configured': ({ sql }, { name, settings, revision }) => {
    const current = sql.get<SettingsRow>(CHANNEL_SETTINGS, name);
    if (!current) return refused('absent', `there is no channel "${name}"`);
    if (revision !== undefined && revision !== current.revision) {
      return refused('conflict', `the channel is at revision ${current.revision}, not ${revision}`);
    }
    const { dvrSec, archive } = settings;
    const recording = dvrSec !== undefined || archive !== undefined;
    if (recording && schemaVersion(sql) < 3) return refused('conflict', 'the catalog is not at schema 3 yet');
    if (dvrSec !== undefined) sql.run('UPDATE channels SET dvr_sec = ? WHERE name = ?', dvrSec, name);
    if (archive !== undefined) {
      sql.run('UPDATE channels SET archive = ? WHERE name = ?', archive === null ? null : Number(archive), name);
    }
    sql.run(
      `UPDATE channels SET preset = ?, grace_sec = ?, on_loss = ?, srt_passphrase = ?, revision = revision + 1
       WHERE name = ?`,
      settings.preset === undefined ? current.preset : settings.preset,
      settings.graceSec === undefined ? current.grace_sec : settings.graceSec,
      settings.onLoss === undefined ? current.on_loss : settings.onLoss,
      settings.srtPassphrase === undefined ? current.srt_passphrase : settings.srtPassphrase,
      name,
    );
    return accepted({ revision: current.revision + 1 });
  },

  'channel.deleted': ({ sql, at }, { name }) => {
    if (!sql.get(CHANNEL_EXISTS, name)) return refused('absent', `there is no channel "${name}"`);
    const endedBroadcasts = endBroadcasts(sql, name, at);
    sql.run('DELETE FROM channels WHERE name = ?', name);
    return accepted({ endedBroadcasts });
  },
} satisfies Handlers<
  'user.created' | 'channel.created' | 'channel.key-rotated' | 'channel.configured' | 'channel.deleted'
>;

interface SettingsRow {
  readonly revision: number;
  readonly preset: string | null;
  readonly grace_sec: number | null;
  readonly on_loss: string | null;
  readonly srt_passphrase: string | null;
}

const CHANNEL_SETTINGS = 'SELECT revision, preset, grace_sec, on_loss, srt_passphrase FROM channels WHERE name = ?';

const CHANNEL_EXISTS = 'SELECT 1 FROM channels WHERE name = ?';
const KEY_EXISTS = 'SELECT 1 FROM channels WHERE stream_key = ?';
