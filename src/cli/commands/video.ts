import { type Stats, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../telemetry/failure.js';
import type { ApiClient } from '../api-client.js';
import { bar, formatBytes, type Output, table } from '../output.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface Video {
  readonly id: string;
  readonly title: string;
  readonly status: 'uploading' | 'transcoding' | 'ready' | 'failed';
  readonly duration?: number | null;
  readonly reason?: string | null;
  readonly incomplete?: boolean;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
  readonly jobs?: readonly { resolution: string; status: string; progress?: number | null }[];
}

type AddOptions = BoxOptions & { readonly title?: string; readonly description?: string };

const pollMs = 500;

export function addVideoCommands(program: Command): void {
  const video = program.command('video').description('upload videos and look after them');
  withBoxOptions(video.command('add <file>'))
    .description('upload a video and wait until it plays; interrupted, run it again and it goes on')
    .option('--title <title>', 'its title (default: the name of the file)')
    .option('--description <text>', 'what it is about')
    .action(addVideo);
  withBoxOptions(video.command('list'))
    .description('list the videos, newest first')
    .action(async (options: BoxOptions) => {
      const { api, output } = openBox(options);
      const videos = await everyVideo(api);
      const rows = videos.map(({ id, status, duration, title }) => [id, status, formatDuration(duration), title]);
      output.answer(
        videos,
        videos.length > 0 ? table([['ID', 'STATUS', 'LENGTH', 'TITLE'], ...rows]) : 'no videos yet',
      );
    });
  withBoxOptions(video.command('show <id>'))
    .description('show a video and its jobs')
    .action(async (id: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      const found = await api.get<Video>(`/v1/videos/${encodeURIComponent(id)}`);
      output.answer(found, describe(found));
    });
  withBoxOptions(video.command('delete <id>'))
    .description('delete a video and everything stored for it')
    .action(async (id: string, options: BoxOptions) => {
      const { api, output } = openBox(options);
      await api.delete(`/v1/videos/${encodeURIComponent(id)}`);
      output.answer({ id, deleted: true }, `deleted ${id}`);
    });
}

async function addVideo(file: string, options: AddOptions): Promise<void> {
  const size = sizeOf(file);
  const { api, output } = openBox(options);
  const { uploadFile } = await import('../upload-client.js');
  const title = options.title ?? basename(file, extname(file));
  const id = await uploadFile({
    file,
    access: api.access,
    metadata: { title, filename: basename(file), ...(options.description ? { description: options.description } : {}) },
    onProgress: (sent) =>
      output.progress(`uploading    ${bar(sent / size)}  ${formatBytes(sent)} of ${formatBytes(size)}`),
    onResume: (offset) => output.note(`going on at ${formatBytes(offset)}`),
  });
  const video = await waitUntilDone(api, id, output);
  if (video.status === 'failed') {
    throw new Failure('cli.video-failed', `${file}: ${video.reason ?? 'the video failed'}`, {
      hint: `headwater video show ${id} has the details; headwater video delete ${id} removes it.`,
    });
  }
  const { status, hlsUrl, dashUrl, watchUrl } = video;
  output.answer({ id, status, hlsUrl, dashUrl, watchUrl }, `ready: ${watchUrl}`);
}

function sizeOf(file: string): number {
  const facts: Stats | undefined = statSync(file, { throwIfNoEntry: false });
  const refuse = (message: string) =>
    new Failure('cli.bad-file', `${file}: ${message}`, { hint: 'Name a video or audio file.' });
  if (!facts) throw refuse('there is no such file');
  if (!facts.isFile()) throw refuse('not a file');
  if (facts.size === 0) throw refuse('the file is empty');
  return facts.size;
}

/** Until every rung is made or the video failed; the watch address is shown as soon as it plays. */
async function waitUntilDone(api: ApiClient, id: string, output: Output): Promise<Video> {
  let announced = false;
  for (;;) {
    const video = await api.get<Video>(`/v1/videos/${id}`);
    const jobs = video.jobs ?? [];
    const outstanding = jobs.filter(({ status }) => status === 'queued' || status === 'processing');
    if (video.status === 'failed' || (video.status === 'ready' && outstanding.length === 0)) return video;
    if (video.status === 'ready' && !announced) {
      output.note(`it plays already, more qualities follow: ${video.watchUrl}`);
      announced = true;
    }
    const done = jobs.reduce((sum, job) => sum + (job.status === 'done' ? 1 : (job.progress ?? 0)), 0);
    const now = jobs.find(({ status }) => status === 'processing')?.resolution ?? 'waiting';
    output.progress(`transcoding  ${bar(jobs.length > 0 ? done / jobs.length : 0)}  ${now}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function everyVideo(api: ApiClient): Promise<Video[]> {
  const videos: Video[] = [];
  let next: string | null = '/v1/videos?limit=100';
  while (next !== null && videos.length < 10_000) {
    const page: { videos: Video[]; next?: string | null } = await api.get(next);
    videos.push(...page.videos);
    next = page.next ? `/v1/videos?limit=100&before=${encodeURIComponent(page.next)}` : null;
  }
  return videos;
}

function formatDuration(seconds: number | null | undefined): string {
  if (!seconds) return '-';
  const whole = Math.round(seconds);
  const minutes = `${Math.floor((whole % 3600) / 60)}:${String(whole % 60).padStart(2, '0')}`;
  return whole < 3600 ? minutes : `${Math.floor(whole / 3600)}:${minutes.padStart(5, '0')}`;
}

function describe(video: Video): string {
  return [
    `video       ${video.id}`,
    `title       ${video.title}`,
    `status      ${video.status}${video.reason ? `: ${video.reason}` : ''}`,
    `length      ${formatDuration(video.duration)}${video.incomplete ? ', with gaps: not everything could be kept' : ''}`,
    `watch       ${video.watchUrl}`,
    `HLS         ${video.hlsUrl}`,
    `DASH        ${video.dashUrl}`,
    ...(video.jobs ?? []).map(
      ({ resolution, status, progress }) =>
        `job         ${resolution} ${status}${status === 'processing' ? ` ${Math.floor((progress ?? 0) * 100)}%` : ''}`,
    ),
  ].join('\n');
}
