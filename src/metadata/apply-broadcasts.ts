import { vodPath } from '../media/media-path.js';
import type { Statements } from './statements.js';
import type { Handlers } from './step.js';
import { accepted, refused } from './verdict.js';

/**
 * Broadcasts. A channel has at most one open broadcast: a new one ends the one before, because a box that was killed could
 * not say that its broadcast was over, and must not lock its channel for ever.
 */
export const broadcastHandlers = {
  'broadcast.started': ({ sql }, { broadcastId, channel, at }) => {
    if (!sql.get('SELECT 1 FROM channels WHERE name = ?', channel)) {
      return refused('absent', `there is no channel "${channel}"`);
    }
    if (sql.get('SELECT 1 FROM broadcasts WHERE id = ?', broadcastId)) {
      return refused('exists', `there is a broadcast ${broadcastId} already`);
    }
    const endedBroadcasts = endBroadcasts(sql, channel, at);
    sql.run('INSERT INTO broadcasts (id, channel, started_at) VALUES (?, ?, ?)', broadcastId, channel, at);
    sql.run('UPDATE channels SET live_broadcast_id = ?, live_started_at = ? WHERE name = ?', broadcastId, at, channel);
    return accepted({ endedBroadcasts });
  },

  'broadcast.ended': ({ sql }, { broadcastId, at }) => {
    const broadcast = sql.get<{ ended_at: number | null }>('SELECT ended_at FROM broadcasts WHERE id = ?', broadcastId);
    if (!broadcast) return refused('absent', `there is no broadcast ${broadcastId}`);
    if (broadcast.ended_at !== null) return refused('conflict', `the broadcast ${broadcastId} has ended already`);
    endBroadcast(sql, broadcastId, at);
    return accepted();
  },

  'broadcast.archived': ({ sql, at }, archive) => {
    const { broadcastId, channel, videoId, title, durationSec, sizeBytes, key, incomplete } = archive;
    const owner = sql.get<{ owner_id: string }>('SELECT owner_id FROM channels WHERE name = ?', channel);
    if (!owner) return refused('absent', `there is no channel "${channel}"`);
    if (sql.get('SELECT 1 FROM videos WHERE id = ? OR broadcast_id = ?', videoId, broadcastId)) {
      return refused('exists', `the broadcast ${broadcastId} is a video already`);
    }
    sql.run(
      `INSERT INTO videos (id, uploader_id, title, description, duration, status, abr_manifest_url, created_at, size_bytes,
         broadcast_id, archive_key, incomplete)
       VALUES (?, ?, ?, '', ?, 'ready', ?, ?, ?, ?, ?, ?)`,
      ...[videoId, owner.owner_id, title, durationSec, vodPath.hls(videoId), at, sizeBytes],
      ...[broadcastId, key, Number(incomplete)],
    );
    sql.run('INSERT INTO engagement (video_id) VALUES (?)', videoId);
    return accepted();
  },
} satisfies Handlers<'broadcast.started' | 'broadcast.ended' | 'broadcast.archived'>;

/** Ends what is open on a channel; returns the ids. */
export function endBroadcasts(sql: Statements, channel: string, at: number): string[] {
  const open = sql.all<{ id: string }>(
    'SELECT id FROM broadcasts WHERE channel = ? AND ended_at IS NULL ORDER BY id',
    channel,
  );
  for (const { id } of open) endBroadcast(sql, id, at);
  return open.map(({ id }) => id);
}

/** Clocks of two boxes may disagree: a broadcast never ends before it began. */
function endBroadcast(sql: Statements, broadcastId: string, at: number): void {
  sql.run('UPDATE broadcasts SET ended_at = max(started_at, ?) WHERE id = ?', at, broadcastId);
  sql.run(
    `UPDATE channels SET live_broadcast_id = NULL, live_started_at = NULL
     WHERE name = (SELECT channel FROM broadcasts WHERE id = ?) AND live_broadcast_id = ?`,
    broadcastId,
    broadcastId,
  );
}
