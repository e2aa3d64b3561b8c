import { randomBytes } from 'node:crypto';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type {
  ApiCatalog,
  ApiEntry,
  ApiVerdict,
  ChannelRow,
  JobRow,
  NamesPage,
  RestreamRow,
  UserRow,
  VideoRow,
  VideosPage,
} from './api-catalog.js';
import { Auth } from './auth.js';
import { type Api, type ApiOptions, openApi } from './server.js';

type VideoAndJobs = VideoRow & { readonly jobs: readonly JobRow[] };

/** A catalog in memory that gives the verdicts of the real one. */
export class FakeCatalog implements ApiCatalog {
  readonly entries: ApiEntry[] = [];
  readonly usersById = new Map<string, UserRow>();
  readonly channelsByName = new Map<string, ChannelRow>();
  readonly restreamsOf = new Map<string, RestreamRow[]>();
  readonly videosById = new Map<string, VideoAndJobs>();
  failing: Error | null = null;

  async append(entry: ApiEntry): Promise<ApiVerdict> {
    if (this.failing !== null) throw this.failing;
    const verdict = this.#apply(entry);
    if (verdict.applied) this.entries.push(entry);
    return verdict;
  }

  user = async (id: string) => this.#ask(this.usersById.get(id) ?? null);
  userByName = async (name: string) =>
    this.#ask([...this.usersById.values()].find((user) => user.name === name) ?? null);
  users = async (page: NamesPage) => this.#ask(pageOf(this.usersById, page));
  channel = async (name: string) => this.#ask(this.channelsByName.get(name) ?? null);
  channels = async (page: NamesPage) => this.#ask(pageOf(this.channelsByName, page));
  restreams = async (channel: string) => this.#ask(this.restreamsOf.get(channel) ?? []);
  video = async (id: string) => this.#ask(this.videosById.get(id) ?? null);

  async popularVideos(limit: number): Promise<string[]> {
    const watched = [...this.videosById.values()].filter(
      ({ status, viewCount }) => status === 'ready' && viewCount > 0,
    );
    const ids = watched.sort((a, b) => b.viewCount - a.viewCount).map(({ id }) => id);
    return this.#ask(ids.slice(0, limit));
  }

  async videos({ status, uploaderId, limit, before }: VideosPage): Promise<VideoRow[]> {
    return this.#ask([...this.videosById.values()])
      .filter(
        (video) =>
          (status === undefined || video.status === status) && (uploaderId ?? video.uploaderId) === video.uploaderId,
      )
      .filter(
        ({ createdAt, id }) =>
          !before || createdAt < before.createdAt || (createdAt === before.createdAt && id < before.id),
      )
      .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }

  #ask<Answer>(answer: Answer): Answer {
    if (this.failing !== null) throw this.failing;
    return answer;
  }

  #apply({ type, at, data }: ApiEntry): ApiVerdict {
    switch (type) {
      case 'user.created':
        if ([...this.usersById.values()].some(({ name }) => name === data.name)) return refused('exists', 'taken');
        this.usersById.set(data.userId, { id: data.userId, name: data.name, role: data.role });
        return { applied: true };
      case 'channel.created':
        if (this.channelsByName.has(data.name)) return refused('exists', 'taken');
        this.channelsByName.set(data.name, { ...data, createdAt: at, revision: 0, settings: DEFAULT_CHANNEL_SETTINGS });
        return { applied: true };
      case 'channel.key-rotated': {
        const row = this.channelsByName.get(data.name);
        if (!row) return refused('absent', 'no channel');
        this.channelsByName.set(data.name, { ...row, streamKey: data.streamKey, revision: row.revision + 1 });
        return { applied: true };
      }
      case 'channel.configured': {
        const row = this.channelsByName.get(data.name);
        if (!row) return refused('absent', 'no channel');
        if ((data.revision ?? row.revision) !== row.revision)
          return refused('conflict', 'the channel is at another revision');
        const named = Object.entries(data.settings).filter(([, value]) => value !== undefined);
        const settings = { ...row.settings, ...Object.fromEntries(named) };
        this.channelsByName.set(row.name, { ...row, settings, revision: row.revision + 1 });
        return { applied: true };
      }
      case 'channel.deleted':
        return this.channelsByName.delete(data.name) ? { applied: true } : refused('absent', 'no channel');
      case 'channel.restream-added': {
        const before = this.restreamsOf.get(data.channel) ?? [];
        if (before.some(({ name }) => name === data.name)) return refused('exists', 'taken');
        if (before.length >= 8) return refused('conflict', 'full');
        this.restreamsOf.set(data.channel, [...before, { name: data.name, url: data.url }]);
        return { applied: true };
      }
      case 'channel.restream-removed': {
        const before = this.restreamsOf.get(data.channel) ?? [];
        const after = before.filter(({ name }) => name !== data.name);
        this.restreamsOf.set(data.channel, after);
        return after.length < before.length ? { applied: true } : refused('absent', 'no target');
      }
      case 'video.updated': {
        const row = this.videosById.get(data.videoId);
        if (!row) return refused('absent', 'no video');
        if (data.revision !== undefined && data.revision !== row.revision)
          return refused('conflict', 'the video is at another revision');
        const { title = row.title, description = row.description } = data;
        this.videosById.set(row.id, { ...row, title, description, revision: row.revision + 1 });
        return { applied: true };
      }
      case 'video.deleted':
        if (!this.videosById.delete(data.videoId)) return refused('absent', 'no video');
        return { applied: true, result: { keys: [`raw/${data.videoId}`], prefixes: ['job/j_1/'] } };
      case 'heartbeats.recorded':
        return { applied: true };
    }
  }
}

const refused = (reason: 'conflict' | 'absent' | 'exists', message: string): ApiVerdict => ({
  applied: false,
  reason,
  message,
});

function pageOf<Row extends { readonly name: string }>(
  rows: Map<string, Row>,
  { limit, after = '' }: NamesPage,
): Row[] {
  return [...rows.values()]
    .filter(({ name }) => name > after)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, limit);
}

export const OPERATOR_TOKEN = 'operator-token-of-the-test-box';

export interface ApiBox {
  readonly url: string;
  readonly api: Api;
  readonly auth: Auth;
  readonly catalog: FakeCatalog;
  /** What the API told the rest of the box. */
  readonly told: unknown[];
  readonly live: Set<string>;
  /** A user with a token. */
  user(name: string, role?: 'operator' | 'creator' | 'viewer'): Promise<{ id: string; token: string }>;
}

export async function openBox(options: Partial<ApiOptions> = {}): Promise<ApiBox> {
  const catalog = new FakeCatalog();
  const publicUrl = options.publicUrl ?? null;
  const auth = new Auth({ catalog, secret: randomBytes(32), operatorToken: OPERATOR_TOKEN, publicUrl });
  const told: unknown[] = [];
  const live = new Set<string>();
  const api = await openApi({
    host: '127.0.0.1',
    port: 0,
    version: '0.0.0-test',
    auth,
    catalog,
    publicUrl,
    uploads: null,
    whip: null,
    pushAddresses: () => ({ rtmp: '0.0.0.0:1936' }),
    presets: ['720p-3', 'passthrough-top'],
    status: async () => STATUS,
    restreams: { statuses: () => [], placeOf: async () => 'elsewhere' },
    onChannelStopped: (name, reason) => void told.push([name, reason]),
    onVideoDeleted: (videoId, objects) => void told.push([videoId, objects]),
    isChannelLive: (name) => live.has(name),
    jobProgress: (jobId) => (jobId === 'j_2' ? 0.25 : null),
    log: silentLog,
    metrics: new Metrics(),
    ...options,
  });
  const user: ApiBox['user'] = async (name, role = 'creator') => {
    const id = `u_${name}`;
    catalog.usersById.set(id, { id, name, role });
    return { id, token: await auth.programToken(id) };
  };
  return { url: `http://127.0.0.1:${api.address.port}`, api, auth, catalog, told, live, user };
}

const SOURCE = { role: 'primary', protocol: 'rtmp', remoteAddress: '192.0.2.1', onAir: true, link: null } as const;

export const STATUS = {
  version: '0.0.0-test',
  uptimeSec: 5,
  live: [
    {
      channel: 'news',
      broadcastId: 'b_000000000000000a',
      protocol: 'rtmp',
      state: 'live' as const,
      sources: [SOURCE],
      startedAt: 1,
      bytes: 7,
      renditions: ['v360', 'audio'],
      speed: 1.01,
      fps: null,
      restarts: 0,
      restreams: [],
    },
  ],
  jobs: { queued: 0, processing: 1, done: 2, failed: 0 },
  videos: { uploading: 0, transcoding: 0, ready: 1, failed: 0 },
  notRunning: [],
  cache: { hits: 3, misses: 1, hitRatio: 0.75, memoryBytes: 9, objects: 2 },
};

export const aVideo = (id: string, facts: Partial<VideoAndJobs> = {}): VideoAndJobs => ({
  id,
  uploaderId: 'u_alice',
  title: 'A film',
  description: '',
  durationSec: 12.5,
  status: 'ready',
  thumbnailUrl: `/vod/${id}/poster.jpg`,
  viewCount: 0,
  createdAt: 1000,
  revision: 0,
  sizeBytes: 99,
  failureReason: null,
  broadcastId: null,
  incomplete: false,
  jobs: [],
  ...facts,
});

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests say what they expect in it.
  readonly body: Record<string, unknown>;
}

/** A JSON call as whoever the token says. */
export async function call(
  box: { url: string },
  method: string,
  path: string,
  { token, body, headers = {} }: { token?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const answer = await fetch(box.url + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
}
