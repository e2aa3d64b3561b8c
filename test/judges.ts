import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import HLS, { type types } from 'hls-parser';
import { expect } from 'vitest';
import { presentSegments } from './playlists.js';

/** Judges that are not ours: hls-parser in strict mode on every playlist, ffprobe and ffmpeg on what they lead to. */
HLS.setOptions({ strictMode: true });
const run = promisify(execFile);

async function textAt(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.text();
}

export interface JudgedHls {
  readonly master: types.MasterPlaylist;
  readonly media: readonly types.MediaPlaylist[];
}

/** Parses the multivariant playlist and every playlist that it names, and fetches every init and segment address once, gaps' not. */
export async function judgeHls(url: string): Promise<JudgedHls> {
  const master = HLS.parse(await textAt(url)) as types.MasterPlaylist;
  expect(master.isMasterPlaylist).toBe(true);
  const audio = master.variants.flatMap((variant) => variant.audio.map(({ uri }) => uri ?? ''));
  const uris = new Set([...master.variants.map(({ uri }) => uri), ...audio]);
  const media: types.MediaPlaylist[] = [];
  for (const uri of uris) {
    const address = new URL(uri, url);
    const playlist = HLS.parse(await textAt(address.href)) as types.MediaPlaylist;
    media.push(playlist);
    const objects = new Set(
      presentSegments(playlist).flatMap(({ uri: segment, map }) => [segment, map?.uri ?? segment]),
    );
    for (const object of objects) {
      const response = await fetch(new URL(object, address));
      expect(response.status, object).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  }
  return { master, media };
}

export interface ProbedStream {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
}

export async function probe(url: string): Promise<ProbedStream[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', url], {
    timeout: 60_000,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout).streams;
}

/** Decodes one stream of a manifest to the end, or for `seconds`; resolves with the number of pictures. */
export async function decodedFrames(url: string, seconds?: number): Promise<number> {
  const bound = seconds === undefined ? [] : ['-t', String(seconds)];
  const { stdout, stderr } = await run(
    'ffmpeg',
    ['-v', 'error', '-i', url, ...bound, '-map', '0:v:0', '-f', 'null', '-progress', 'pipe:1', '-'],
    { timeout: 90_000, maxBuffer: 2 ** 24 },
  );
  expect(stderr.trim()).toBe('');
  return Number(/frame=\s*(\d+)\n(?![\s\S]*frame=)/.exec(stdout)?.[1] ?? 0);
}
