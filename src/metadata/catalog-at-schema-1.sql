-- A catalog as Headwater 0.1.0 left it, at schema 1: recorded from a real one. Never edited: data folders like it exist.
CREATE TABLE log (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, entry TEXT NOT NULL);
CREATE TABLE replica (
  one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, schema_version INTEGER NOT NULL
  ) STRICT;
CREATE TABLE applied (
  id TEXT PRIMARY KEY, position INTEGER NOT NULL, outcome TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
CREATE TABLE users (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
CREATE TABLE channels (
  name TEXT PRIMARY KEY, owner_id TEXT NOT NULL, stream_key TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0, live_broadcast_id TEXT, live_started_at INTEGER
  ) STRICT;
CREATE INDEX channels_live ON channels (live_started_at DESC) WHERE live_broadcast_id IS NOT NULL;
CREATE TABLE broadcasts (
  id TEXT PRIMARY KEY, channel TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER
  ) STRICT;
CREATE INDEX broadcasts_open ON broadcasts (channel) WHERE ended_at IS NULL;
CREATE TABLE videos (
  id TEXT PRIMARY KEY, uploader_id TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, duration REAL,
  status TEXT NOT NULL CHECK (status IN ('uploading', 'transcoding', 'ready', 'failed')),
  abr_manifest_url TEXT, thumbnail_url TEXT, view_count INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0, size_bytes INTEGER NOT NULL, raw_key TEXT, source TEXT, failure_reason TEXT,
  poster_key TEXT
  ) STRICT;
CREATE INDEX videos_uploader_status ON videos (uploader_id, status, created_at DESC, id DESC);
CREATE INDEX videos_uploader ON videos (uploader_id, created_at DESC, id DESC);
CREATE INDEX videos_status ON videos (status, created_at DESC, id DESC);
CREATE INDEX videos_created ON videos (created_at DESC, id DESC);
CREATE INDEX videos_unplanned ON videos (created_at, id) WHERE status = 'transcoding' AND source IS NULL;
CREATE TABLE transcode_jobs (
  job_id TEXT PRIMARY KEY, video_id TEXT NOT NULL, resolution TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'processing', 'done', 'failed')),
  worker_id TEXT, created_at INTEGER NOT NULL, token INTEGER, renewal INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL, planned_position INTEGER NOT NULL,
  rendition TEXT NOT NULL, output TEXT, reason TEXT
  ) STRICT;
CREATE INDEX transcode_jobs_video ON transcode_jobs (video_id, weight, job_id);
CREATE INDEX transcode_jobs_queue ON transcode_jobs (planned_position, weight, job_id) WHERE status = 'queued';
CREATE INDEX transcode_jobs_leases ON transcode_jobs (job_id) WHERE status = 'processing';
CREATE TABLE watch_history (
  user_id TEXT NOT NULL, video_id TEXT NOT NULL, timestamp INTEGER NOT NULL, progress_sec REAL NOT NULL,
  PRIMARY KEY (user_id, video_id)
  ) STRICT, WITHOUT ROWID;
CREATE INDEX watch_history_recent ON watch_history (user_id, timestamp DESC);
CREATE INDEX watch_history_video ON watch_history (video_id);
CREATE TABLE engagement (
  video_id TEXT PRIMARY KEY, likes INTEGER NOT NULL DEFAULT 0, comments_count INTEGER NOT NULL DEFAULT 0,
  shares INTEGER NOT NULL DEFAULT 0
  ) STRICT;
INSERT INTO log VALUES (1, 'schema-1', '{"id":"schema-1","v":1,"type":"schema.migrated","at":1795362809342,"data":{"version":1}}');
INSERT INTO log VALUES (2, 'user.created-1', '{"id":"user.created-1","v":1,"at":1700000001000,"type":"user.created","data":{"userId":"u_operator","name":"operator","role":"operator"}}');
INSERT INTO log VALUES (3, 'user.created-2', '{"id":"user.created-2","v":1,"at":1700000002000,"type":"user.created","data":{"userId":"u_ada","name":"ada","role":"creator"}}');
INSERT INTO log VALUES (4, 'channel.created-3', '{"id":"channel.created-3","v":1,"at":1700000003000,"type":"channel.created","data":{"name":"town-hall","ownerId":"u_operator","streamKey":"key-0123456789abcdef"}}');
INSERT INTO log VALUES (5, 'channel.created-4', '{"id":"channel.created-4","v":1,"at":1700000004000,"type":"channel.created","data":{"name":"news","ownerId":"u_ada","streamKey":"key-fedcba9876543210"}}');
INSERT INTO log VALUES (6, 'channel.key-rotated-5', '{"id":"channel.key-rotated-5","v":1,"at":1700000005000,"type":"channel.key-rotated","data":{"name":"news","streamKey":"key-rotated-76543210"}}');
INSERT INTO log VALUES (7, 'broadcast.started-6', '{"id":"broadcast.started-6","v":1,"at":1700000006000,"type":"broadcast.started","data":{"broadcastId":"b_aaaaaaaaaaaaaaaa","channel":"town-hall","at":1700000005000}}');
INSERT INTO log VALUES (8, 'broadcast.ended-7', '{"id":"broadcast.ended-7","v":1,"at":1700000007000,"type":"broadcast.ended","data":{"broadcastId":"b_aaaaaaaaaaaaaaaa","at":1700000066000}}');
INSERT INTO log VALUES (9, 'video.created-8', '{"id":"video.created-8","v":1,"at":1700000008000,"type":"video.created","data":{"videoId":"v_aaaaaaaaaaaaaaaa","uploaderId":"u_ada","title":"A walk","description":"in the woods","sizeBytes":9}}');
INSERT INTO log VALUES (10, 'video.failed-9', '{"id":"video.failed-9","v":1,"at":1700000009000,"type":"video.failed","data":{"videoId":"v_aaaaaaaaaaaaaaaa","reason":"no pictures in it"}}');
INSERT INTO replica VALUES (1, 10, 1);
INSERT INTO applied VALUES ('broadcast.ended-7', 8, '{"applied":true}');
INSERT INTO applied VALUES ('broadcast.started-6', 7, '{"applied":true,"result":{"endedBroadcasts":[]}}');
INSERT INTO applied VALUES ('channel.created-3', 4, '{"applied":true}');
INSERT INTO applied VALUES ('channel.created-4', 5, '{"applied":true}');
INSERT INTO applied VALUES ('channel.key-rotated-5', 6, '{"applied":true}');
INSERT INTO applied VALUES ('schema-1', 1, '{"applied":true}');
INSERT INTO applied VALUES ('user.created-1', 2, '{"applied":true}');
INSERT INTO applied VALUES ('user.created-2', 3, '{"applied":true}');
INSERT INTO applied VALUES ('video.created-8', 9, '{"applied":true}');
INSERT INTO applied VALUES ('video.failed-9', 10, '{"applied":true}');
INSERT INTO users VALUES ('u_operator', 'operator', 'operator', 1700000001000);
INSERT INTO users VALUES ('u_ada', 'ada', 'creator', 1700000002000);
INSERT INTO channels VALUES ('town-hall', 'u_operator', 'key-0123456789abcdef', 1700000003000, 0, NULL, NULL);
INSERT INTO channels VALUES ('news', 'u_ada', 'key-rotated-76543210', 1700000004000, 1, NULL, NULL);
INSERT INTO broadcasts VALUES ('b_aaaaaaaaaaaaaaaa', 'town-hall', 1700000005000, 1700000066000);
INSERT INTO videos VALUES ('v_aaaaaaaaaaaaaaaa', 'u_ada', 'A walk', 'in the woods', NULL, 'failed', NULL, NULL, 0, 1700000008000, 0, 9, NULL, NULL, 'no pictures in it', NULL);
INSERT INTO engagement VALUES ('v_aaaaaaaaaaaaaaaa', 0, 0, 0);
