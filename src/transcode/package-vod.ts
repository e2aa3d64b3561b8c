/**
 * Packages one encoded rendition as CMAF by shaka-packager: `init.mp4`, `1.m4s`, `2.m4s`, …, `playlist.m3u8` and, for
 * video, `iframes.m3u8`, in one folder that then holds nothing else.
 *
 * Playlists name segments by their addresses for ever (`/media/<videoId>/<rendition>/<name>`), I-frames as byte ranges
 * of these same addresses. Segments are cut on one time grid, so those of all renditions of a video begin together.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { mediaPath } from '../media/media-path.js';
import type { PackagedRendition, PackagedSegment } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { Log } from '../telemetry/log.js';
import { type ChildFailed, runTool } from './ffmpeg-process.js';
import { type PackagedTimeline, readShakaMpd } from './shaka-mpd.js';
import { KEY_INTERVAL_SEC } from './vod-command.js';

/** Two groups of pictures a segment: half the requests of live, where nobody waits for the newest one. */
const VOD_SEGMENT_SEC = 4;
/** Copying a film of two days takes minutes on a slow disk. */
const PACKAGE_TIMEOUT_MS = 30 * 60_000;

export interface PackageOptions {
  /** The encoded MP4, one track. */
  readonly input: string;
  /** Made by this call; must not hold anything. */
  readonly folder: string;
  readonly videoId: string;
  readonly rendition: Rendition;
  /** Object key prefix under which the caller will store the folder's files; ends in `/`. */
  readonly prefix: string;
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly nice?: number;
  /** Which packager; default the one that came as a package. */
  readonly packager?: string;
}

export type PackageOutcome =
  | {
      readonly ok: true;
      readonly packaged: PackagedRendition /** Names of all files in the folder. */;
      readonly names: readonly string[];
    }
  | ChildFailed;

export async function packageVod(options: PackageOptions): Promise<PackageOutcome> {
  const { folder, rendition } = options;
  await mkdir(folder, { recursive: true });
  const outcome = await runTool(options.packager ?? packagerBinary(), packagerArguments(options), {
    log: options.log,
    timeoutMs: PACKAGE_TIMEOUT_MS,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.nice === undefined ? {} : { nice: options.nice }),
  });
  if (!outcome.ok) return namedCause(outcome);
  const timeline = readShakaMpd(await readFile(join(folder, MPD), 'utf8'));
  await Promise.all([MPD, MASTER].map((name) => rm(join(folder, name))));
  const segments = await withSizes(folder, timeline);
  const names = await readdir(folder);
  assertComplete(names, segments, rendition);
  return { ok: true, names, packaged: describe(options, timeline, segments) };
}

/** The packager has its own words for a disk that is full. */
function namedCause(failed: ChildFailed): ChildFailed {
  const full = failed.cause === 'other' && /running out of disk space|\(FILE_FAILURE\)/.test(failed.stderr);
  return full ? { ...failed, cause: 'disk-full' } : failed;
}

const BINARIES: Readonly<Record<string, string>> = {
  'linux-x64': 'packager-linux-x64',
  'linux-arm64': 'packager-linux-arm64',
  'darwin-x64': 'packager-osx-x64',
  'darwin-arm64': 'packager-osx-arm64',
};

/** The static binary inside the npm package, found without running the package's own code. */
function packagerBinary(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('shaka-packager/package.json'));
  const name = BINARIES[`${process.platform}-${process.arch}`];
  if (name === undefined) throw new Error(`shaka-packager has no binary for ${process.platform} on ${process.arch}`);
  return join(folder, 'bin', name);
}

const MPD = 'timeline.mpd';
const MASTER = 'master.m3u8';
const INIT = 'init.mp4';
const PLAYLIST = 'playlist.m3u8';
const IFRAMES = 'iframes.m3u8';

function packagerArguments({ input, folder, videoId, rendition }: PackageOptions): string[] {
  const stream = [
    `in=${input}`,
    `stream=${rendition.kind}`,
    `init_segment=${join(folder, INIT)}`,
    `segment_template=${join(folder, '$Number$.m4s')}`,
    `playlist_name=${PLAYLIST}`,
    ...(rendition.kind === 'video' ? [`iframe_playlist_name=${IFRAMES}`] : []),
  ];
  return [
    stream.join(','),
    ...['--segment_duration', String(VOD_SEGMENT_SEC)],
    // A fragment per group of pictures: the I-frame playlist lists the first picture of each fragment.
    ...['--fragment_duration', String(rendition.kind === 'video' ? KEY_INTERVAL_SEC : VOD_SEGMENT_SEC)],
    ...['--generate_static_live_mpd', '--mpd_output', join(folder, MPD)],
    ...['--hls_playlist_type', 'VOD', '--hls_master_playlist_output', join(folder, MASTER)],
    ...['--hls_base_url', mediaPath(videoId, rendition.id, '')],
    '--quiet',
  ];
}

async function withSizes(folder: string, { segments }: PackagedTimeline): Promise<PackagedSegment[]> {
  const sized: PackagedSegment[] = [];
  for (const [index, segment] of segments.entries()) {
    const name = `${index + 1}.m4s`;
    const { size: bytes } = await stat(join(folder, name));
    sized.push({ name, ...segment, bytes });
  }
  return sized;
}

function assertComplete(names: readonly string[], segments: readonly PackagedSegment[], rendition: Rendition): void {
  const playlists = rendition.kind === 'video' ? [PLAYLIST, IFRAMES] : [PLAYLIST];
  const expected = new Set([INIT, ...playlists, ...segments.map(({ name }) => name)]);
  const [odd] = names.filter((name) => !expected.has(name));
  if (odd !== undefined || names.length !== expected.size) {
    throw new Error(
      `the packager made ${names.length} files where ${expected.size} were due (${odd ?? 'some are missing'})`,
    );
  }
}

function describe(options: PackageOptions, timeline: PackagedTimeline, segments: PackagedSegment[]): PackagedRendition {
  const { codecs, timescale } = timeline;
  const { rendition, prefix } = options;
  const rates = bitrates(segments, timescale);
  return { rendition, prefix, codecs, ...rates, timescale, segments };
}

/** Bits per second as RFC 8216 §4.3.4.2 means them: a peak counts only where it lasts half a target duration. */
function bitrates(segments: readonly PackagedSegment[], timescale: number) {
  const rate = (bytes: number, duration: number) => Math.ceil((bytes * 8 * timescale) / duration);
  const sum = (of: (segment: PackagedSegment) => number) => segments.reduce((total, segment) => total + of(segment), 0);
  const averageBandwidth = rate(
    sum(({ bytes }) => bytes),
    sum(({ duration }) => duration),
  );
  const lasting = segments.filter(({ duration }) => duration >= (VOD_SEGMENT_SEC * timescale) / 2);
  const peak = lasting.reduce((most, { bytes, duration }) => Math.max(most, rate(bytes, duration)), 0);
  return { bandwidth: Math.max(peak, averageBandwidth), averageBandwidth };
}
