import type { Publishing } from '../ingest/publish.js';
import type { Catalog } from '../metadata/catalog.js';
import type { LiveTranscoder } from '../transcode/live.js';
import type { RestreamRole } from './roles/restream.js';
import { version } from './version.js';

/** What `GET /v1/status` and `headwater status` say: gathered from the roles of this box at the moment of asking. */
interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly hitRatio: number;
  readonly memoryBytes: number;
  readonly objects: number;
}

interface Parts {
  readonly catalog: Catalog;
  readonly publishing: Publishing;
  readonly live: LiveTranscoder;
  readonly restream: Pick<RestreamRole, 'statuses'>;
}

const noCache: CacheStats = { hits: 0, misses: 0, hitRatio: 0, memoryBytes: 0, objects: 0 };

export class BoxStatusReport {
  readonly version: string = version;
  /** Set once the edge has opened; it opens after the API that reports on it. */
  edge: () => CacheStats = () => noCache;
  /** What is switched on and yet does not run on this machine. */
  readonly notRunning: { part: string; reason: string }[] = [];
  #parts: Parts | null = null;

  fill(parts: Parts): void {
    this.#parts = parts;
  }

  async report() {
    const parts = this.#parts;
    if (parts === null) throw new Error('the status was asked for before the roles were open');
    const { jobs, videos } = await parts.catalog.stats();
    return {
      version,
      uptimeSec: Math.round(process.uptime()),
      live: liveChannels(parts),
      notRunning: this.notRunning,
      jobs,
      videos,
      cache: this.edge(),
    };
  }
}

function liveChannels({ publishing, live, restream }: Parts) {
  const transcoding = new Map(live.live().map((channel) => [channel.broadcastId, channel]));
  return publishing.live().map(({ channel, broadcastId, protocol, startedAt, bytes, state, sources }) => {
    const { renditions = [], speed = null, fps = null, restarts = 0 } = transcoding.get(broadcastId) ?? {};
    const restreams = restream.statuses(channel);
    const encoding = { renditions, speed, fps, restarts };
    return { channel, broadcastId, protocol, startedAt, bytes, state, sources, ...encoding, restreams };
  });
}
