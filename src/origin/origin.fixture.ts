import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import HLS, { type types } from 'hls-parser';
import { openHttpServer } from '../http/open-server.js';
import type { Rendition } from '../media/rendition.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { runLadder, TIMELINE_OFFSET_SEC } from './cmaf/ffmpeg-live.fixture.js';
import type { Objects } from './object-reader.js';
import { type Origin, type OriginOptions, openOrigin } from './origin.js';

HLS.setOptions({ strictMode: true });
const run = promisify(execFile);

export const RENDITIONS: readonly Rendition[] = [
  { kind: 'video', id: 'v180', width: 320, height: 180, frameRate: 25, bitrate: 400_000, maxBitrate: 600_000 },
  { kind: 'video', id: 'v90', width: 160, height: 90, frameRate: 25, bitrate: 200_000, maxBitrate: 300_000 },
  { kind: 'audio', id: 'audio', bitrate: 96_000, sampleRate: 48_000, channels: 2 },
];

const noObjects: Objects = { get: async () => null, head: async () => null };

export interface ServedOrigin {
  readonly origin: Origin;
  readonly url: string;
  readonly spoolDir: string;
  close(): Promise<void>;
}

/** An origin over real HTTP, on a folder of its own unless `spoolDir` is given. */
export async function serveOrigin(options: Partial<OriginOptions> = {}): Promise<ServedOrigin> {
  const folder = await mkdtemp(join(tmpdir(), 'origin-'));
  const spoolDir = options.spoolDir ?? join(folder, 'spool');
  const origin = await openOrigin({
    ...{ webDir: join(folder, 'web'), log: silentLog, metrics: new Metrics() },
    ...{ vod: { video: async () => null }, objects: noObjects, cutOffGraceMs: 0 },
    ...options,
    spoolDir,
  });
  const server = await openHttpServer({ host: '127.0.0.1', port: 0, engine: 'node' }, origin.handler, silentLog);
  return {
    origin,
    url: `http://127.0.0.1:${server.address.port}`,
    spoolDir,
    close: async () => {
      await server.close(100);
      await origin.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface RunFacts {
  readonly channel: string;
  readonly broadcastId: string;
  readonly startedAt?: number;
  readonly startSec?: number;
  readonly seconds: number;
  readonly realTime?: boolean;
}

/** One run of the ladder into an origin, from ffmpeg's pipes. Returns when ffmpeg is gone and the run is ended. */
export async function deliverRun(origin: Origin, facts: RunFacts): Promise<void> {
  const { channel, broadcastId, startedAt = 1_700_000_000_000, startSec = 0, seconds, realTime = false } = facts;
  const ladder = runLadder({ seconds, startSec, realTime });
  const timing = {
    startedAt,
    timelineOffsetSec: TIMELINE_OFFSET_SEC,
    cut: 'grid',
    segmentSec: 2,
    keyIntervalSec: 0,
    partSec: 0.2,
  } as const;
  const sink = origin.fragments.openRun({ channel, broadcastId, ...timing, renditions: RENDITIONS });
  const ids = ['v180', 'v90', 'audio'] as const;
  await Promise.all(ids.map((id) => pipeline(ladder.pipes[id], sink.rendition(id))));
  await ladder.done;
  sink.end();
}

export async function textAt(url: string): Promise<string> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** With the whole segments: the parser takes parts that no segment follows yet for one more. */
export async function mediaPlaylistAt(url: string): Promise<types.MediaPlaylist> {
  const playlist = HLS.parse(await textAt(url));
  if (playlist.isMasterPlaylist) throw new Error(`${url} is a multivariant playlist`);
  const media = playlist as types.MediaPlaylist;
  media.segments = media.segments.filter(({ uri }) => uri !== '');
  return media;
}

export async function multivariantPlaylistAt(url: string): Promise<types.MasterPlaylist> {
  const playlist = HLS.parse(await textAt(url));
  if (!playlist.isMasterPlaylist) throw new Error(`${url} is a media playlist`);
  return playlist as types.MasterPlaylist;
}

/** Decodes a whole presentation and says how many pictures came out. */
export async function decodedFrames(url: string): Promise<number> {
  const { stdout, stderr } = await run(
    'ffmpeg',
    ['-v', 'error', '-i', url, '-map', '0:v:0', '-f', 'null', '-progress', 'pipe:1', '-'],
    { timeout: 60_000 },
  );
  if (stderr.trim() !== '') throw new Error(`ffmpeg said: ${stderr}`);
  return Number(/frame=\s*(\d+)\n(?![\s\S]*frame=)/.exec(stdout)?.[1] ?? 0);
}

export interface ProbedStream {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
}

export async function probedStreams(url: string): Promise<ProbedStream[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', url], { timeout: 60_000 });
  return JSON.parse(stdout).streams;
}

/** Asks until the answer fits, a few times a second. An ask that fails has not fitted yet; the last failure is told. */
export async function until<T>(ask: () => Promise<T | false> | T | false, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const [answer, failure] = await Promise.resolve()
      .then(ask)
      .then((given): [T | false, unknown] => [given, null])
      .catch((error: unknown): [false, unknown] => [false, error]);
    if (answer !== false) return answer;
    if (Date.now() > deadline) throw failure ?? new Error('what the test waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
