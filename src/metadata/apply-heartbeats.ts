import type { Handlers } from './step.js';
import { accepted } from './verdict.js';

/** What players report, already rolled up. A video that was deleted meanwhile is passed over: its viewers outlived it. */
export const heartbeatHandlers = {
  'heartbeats.recorded': ({ sql, at }, { videos }) => {
    for (const { videoId, views, watchers } of videos) {
      if (sql.run('UPDATE videos SET view_count = view_count + ? WHERE id = ?', views, videoId) === 0) continue;
      for (const { userId, progressSec } of watchers) {
        sql.run(RECORD_PROGRESS, userId, videoId, at, progressSec);
      }
    }
    return accepted();
  },
} satisfies Handlers<'heartbeats.recorded'>;

/** Two nodes may report the same viewer out of order: the later time wins. */
const RECORD_PROGRESS = `
  INSERT INTO watch_history (user_id, video_id, timestamp, progress_sec) VALUES (?, ?, ?, ?)
  ON CONFLICT (user_id, video_id) DO UPDATE SET timestamp = excluded.timestamp, progress_sec = excluded.progress_sec
  WHERE excluded.timestamp >= watch_history.timestamp`;
