import { Auth } from '../../api/auth.js';
import type { PushAddresses } from '../../api/reached.js';
import { openApi } from '../../api/server.js';
import { UPLOAD_PATH } from '../../api/upload-routes.js';
import { openUploads } from '../../ingest/upload/server.js';
import type { Catalog } from '../../metadata/catalog.js';
import type { DiskStore } from '../../storage/disk-store.js';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { dialable, parseAddress } from '../address.js';
import type { BoxStatusReport } from '../box-status.js';
import type { Settings } from '../config-schema.js';
import type { DataFolder } from '../data-folder.js';
import { targetPlace } from '../target-place.js';
import type { IngestRole } from './ingest.js';
import type { OriginRole } from './origin.js';
import type { RestreamRole } from './restream.js';
import type { TranscodeRole } from './transcode.js';

/** The JSON API and, on the same inner port, the upload server. */
export interface ApiRole {
  readonly url: string;
  signInCode(userId: string): string;
  close(graceMs: number): Promise<void>;
}

interface ApiParts {
  readonly settings: Settings;
  readonly data: DataFolder;
  readonly catalog: Catalog;
  readonly objects: DiskStore;
  readonly origin: OriginRole;
  readonly ingest: IngestRole;
  readonly restream: RestreamRole;
  readonly board: TranscodeRole['board'];
  readonly status: BoxStatusReport;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function openApiRole(parts: ApiParts): Promise<ApiRole> {
  const { settings, data, catalog, origin, ingest, restream, board, status, log, metrics } = parts;
  const { publicUrl } = settings;
  const auth = new Auth({ catalog, secret: data.tokenSecret, operatorToken: data.operatorToken, publicUrl });
  const uploads = await openUploadServer(parts, auth);
  const live = () => new Set(ingest.publishing.live().map(({ channel }) => channel));
  const api = await openApi({
    ...parseAddress(settings.api.listen),
    auth,
    catalog,
    uploads,
    whip: ingest.whip,
    publicUrl,
    version: status.version,
    pushAddresses: () => pushAddresses(ingest),
    presets: Object.keys(settings.presets),
    status: () => status.report(),
    restreams: {
      statuses: restream.statuses,
      placeOf: (address) => targetPlace(address, { ports: pushPorts(ingest), publicUrl }),
    },
    isChannelLive: (name) => live().has(name) && origin.isPlayable(name),
    jobProgress: (jobId) => board.progressOf(jobId),
    async onChannelStopped(name, reason) {
      ingest.publishing.stopChannel(
        name,
        reason === 'deleted' ? 'the channel was deleted' : 'the stream key was changed',
      );
      if (reason === 'deleted') await origin.deleteChannel(name);
    },
    onVideoDeleted: (videoId, { keys, prefixes }) => deleteObjects(parts, uploads, videoId, keys, prefixes),
    log,
    metrics,
  });
  return {
    url: `http://${dialable(api.address)}`,
    signInCode: (userId) => api.signInCode(userId),
    async close(graceMs) {
      await uploads.close();
      await api.close(graceMs);
    },
  };
}

/** What serves, of the protocols that publishers may speak. */
function pushAddresses(ingest: PushAddresses): PushAddresses {
  const { rtmp, rtmps, srt, webrtc } = ingest;
  return { rtmp, rtmps, srt, webrtc };
}

function pushPorts({ rtmp, rtmps, srt }: PushAddresses): number[] {
  return [rtmp, rtmps, srt].flatMap((address) => (address === undefined ? [] : [parseAddress(address).port]));
}

function openUploadServer({ settings, data, catalog, objects, log, metrics }: ApiParts, auth: Auth) {
  return openUploads({
    stagingDir: data.folder('staging'),
    maxBytes: settings.upload.bytesMax,
    expireAfterMs: settings.upload.expireHours * 3_600_000,
    path: UPLOAD_PATH,
    async authenticate(request) {
      const identity = await auth.identify(request);
      if (identity === null) return null;
      return { userId: identity.userId, operator: identity.role === 'operator', mayCreate: identity.role !== 'viewer' };
    },
    catalog,
    raw: objects,
    log,
    metrics,
  });
}

/** The catalog has forgotten the video; what stays behind after a failure here is only disk space, and is logged. */
async function deleteObjects(
  { objects, origin, log }: ApiParts,
  uploads: { discard(videoId: string): Promise<void> },
  videoId: string,
  keys: readonly string[],
  prefixes: readonly string[],
): Promise<void> {
  origin.forgetVideo(videoId);
  const broadcasts = prefixes.flatMap((prefix) => /^live\/(b_[a-z0-9]+)\/$/.exec(prefix)?.[1] ?? []);
  const deletions = [
    uploads.discard(videoId),
    ...broadcasts.map((broadcastId) => origin.forgetBroadcast(broadcastId)),
    ...keys.map((key) => objects.delete(key)),
    ...prefixes.map((prefix) => objects.deletePrefix(prefix)),
  ];
  for (const outcome of await Promise.allSettled(deletions)) {
    if (outcome.status === 'rejected')
      log.warn({ video: videoId, reason: messageOf(outcome.reason) }, 'an object was not deleted');
  }
}
