import type { ChannelSettings } from '../media/channel-settings.js';
import type { Channel, LiveBroadcast, NamesPage, User, Watched } from './records.js';
import { pageSize, type Statements } from './statements.js';

/** Users, channels, broadcasts, and what users watched. */
export class AccountQueries {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  user(id: string): User | null {
    return this.#sql.get<User>(`${USERS} WHERE id = ?`, id) ?? null;
  }

  userByName(name: string): User | null {
    return this.#sql.get<User>(`${USERS} WHERE name = ?`, name) ?? null;
  }

  users({ limit, after = '' }: NamesPage): User[] {
    return this.#sql.all<User>(`${USERS} WHERE name > ? ORDER BY name LIMIT ?`, after, pageSize(limit));
  }

  channel(name: string): Channel | null {
    return channelOf(this.#sql.get<ChannelRow>(`${CHANNELS} WHERE name = ?`, name));
  }

  channelByKey(streamKey: string): Channel | null {
    return channelOf(this.#sql.get<ChannelRow>(`${CHANNELS} WHERE stream_key = ?`, streamKey));
  }

  channels({ limit, after = '' }: NamesPage): Channel[] {
    const rows = this.#sql.all<ChannelRow>(`${CHANNELS} WHERE name > ? ORDER BY name LIMIT ?`, after, pageSize(limit));
    return rows.map((row) => toChannel(row));
  }

  /** What is live, newest first. */
  liveBroadcasts(limit: number): LiveBroadcast[] {
    return this.#sql.all<LiveBroadcast>(
      `SELECT live_broadcast_id AS broadcastId, name AS channel, live_started_at AS startedAt FROM channels
       WHERE live_broadcast_id IS NOT NULL ORDER BY live_started_at DESC LIMIT ?`,
      pageSize(limit),
    );
  }

  /** Broadcasts that nobody has ended: at a box's start, those that it was killed in. */
  openBroadcasts(): LiveBroadcast[] {
    return this.#sql.all<LiveBroadcast>(
      `SELECT id AS broadcastId, channel, started_at AS startedAt FROM broadcasts
       WHERE ended_at IS NULL ORDER BY channel`,
    );
  }

  /** Most recent first. */
  watchHistory(userId: string, limit: number): Watched[] {
    return this.#sql.all<Watched>(
      `SELECT video_id AS videoId, timestamp, progress_sec AS progressSec FROM watch_history
       WHERE user_id = ? ORDER BY timestamp DESC LIMIT ?`,
      userId,
      pageSize(limit),
    );
  }
}

const USERS = 'SELECT id, name, role, created_at AS createdAt FROM users';

const CHANNELS = `SELECT name, owner_id, stream_key, created_at, revision, live_broadcast_id, live_started_at,
  preset, grace_sec, on_loss, srt_passphrase, dvr_sec, archive FROM channels`;

interface ChannelRow {
  readonly name: string;
  readonly owner_id: string;
  readonly stream_key: string;
  readonly created_at: number;
  readonly revision: number;
  readonly live_broadcast_id: string | null;
  readonly live_started_at: number | null;
  readonly preset: string | null;
  readonly grace_sec: number | null;
  readonly on_loss: ChannelSettings['onLoss'];
  readonly srt_passphrase: string | null;
  readonly dvr_sec: number | null;
  readonly archive: 0 | 1 | null;
}

const channelOf = (row: ChannelRow | undefined): Channel | null => (row ? toChannel(row) : null);

function toChannel(row: ChannelRow): Channel {
  const live = row.live_broadcast_id !== null && row.live_started_at !== null;
  return {
    name: row.name,
    ownerId: row.owner_id,
    streamKey: row.stream_key,
    createdAt: row.created_at,
    revision: row.revision,
    settings: {
      preset: row.preset,
      graceSec: row.grace_sec,
      onLoss: row.on_loss,
      srtPassphrase: row.srt_passphrase,
      dvrSec: row.dvr_sec,
      archive: row.archive === null ? null : row.archive === 1,
    },
    live: live ? { broadcastId: row.live_broadcast_id, startedAt: row.live_started_at } : null,
  };
}
