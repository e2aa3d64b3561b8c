import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import HLS, { type types } from 'hls-parser';
import { newFolder } from './box.js';
import { wholeSegments } from './playlists.js';

const run = promisify(execFile);
const POLL_MS = 300;

/** A stretch of a rendition between two discontinuities: one header, and the segments that follow it. */
export interface Stretch {
  readonly init: Buffer;
  readonly segments: { readonly number: number; readonly durationSec: number; readonly bytes: Buffer }[];
}

/** What a viewer was given of one rendition. */
export interface Seen {
  readonly stretches: Stretch[];
  /** Media sequence numbers that the playlist went past without this viewer having seen them in it. */
  readonly missed: number[];
  /** Whether the playlist said that the broadcast is over. */
  ended: boolean;
}

/**
 * A viewer without a screen: follows the first video rendition and the sound of a live channel through the public door, as a
 * player does, and keeps what it was given. Lives from `watch` until the playlists end or `leave`.
 */
export class Viewer {
  readonly video: Seen = { stretches: [], missed: [], ended: false };
  readonly audio: Seen = { stretches: [], missed: [], ended: false };
  /** Resolves when both playlists have ended; rejects with the first answer that no player takes. */
  readonly done: Promise<void>;
  #gone = false;

  private constructor(hlsUrl: string) {
    this.done = this.#watch(hlsUrl);
    this.done.catch(() => {});
  }

  /** The channel need not be live yet. */
  static watch(hlsUrl: string): Viewer {
    return new Viewer(hlsUrl);
  }

  leave(): Promise<void> {
    this.#gone = true;
    return this.done;
  }

  async #watch(hlsUrl: string): Promise<void> {
    const master = await this.#masterAt(hlsUrl);
    const variant = master?.variants[0];
    const sound = variant?.audio[0]?.uri;
    if (!variant || !sound) return;
    await Promise.all([
      this.#follow(new URL(variant.uri, hlsUrl), this.video),
      this.#follow(new URL(sound, hlsUrl), this.audio),
    ]);
  }

  async #masterAt(hlsUrl: string): Promise<types.MasterPlaylist | null> {
    while (!this.#gone) {
      const answer = await fetch(hlsUrl);
      const text = await answer.text();
      if (answer.ok) return HLS.parse(text) as types.MasterPlaylist;
      await pause();
    }
    return null;
  }

  async #follow(url: URL, seen: Seen): Promise<void> {
    let next: number | null = null;
    while (!this.#gone && !seen.ended) {
      const playlist = HLS.parse((await bytesAt(url)).toString()) as types.MediaPlaylist;
      for (const segment of wholeSegments(playlist)) {
        const number = segment.mediaSequenceNumber;
        if (next !== null && number < next) continue;
        for (let gone = next ?? number; gone < number; gone += 1) seen.missed.push(gone);
        next = number + 1;
        await keep(segment, url, seen);
      }
      seen.ended = playlist.endlist;
      if (!seen.ended) await pause();
    }
  }
}

/** How far the end of the first video playlist lies behind the time that the box tells its players, seconds. */
export async function behindBoxClock(hlsUrl: string): Promise<number> {
  const master = HLS.parse((await bytesAt(new URL(hlsUrl))).toString()) as types.MasterPlaylist;
  const url = new URL(master.variants[0]?.uri ?? '', hlsUrl);
  const last = wholeSegments(HLS.parse((await bytesAt(url)).toString()) as types.MediaPlaylist).at(-1);
  const end = (last?.programDateTime?.getTime() ?? 0) + (last?.duration ?? 0) * 1000;
  return (Date.parse((await bytesAt(new URL('/time', hlsUrl))).toString()) - end) / 1000;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

async function bytesAt(url: URL): Promise<Buffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname} answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function keep(segment: types.Segment, url: URL, seen: Seen): Promise<void> {
  let stretch = seen.stretches.at(-1);
  if (!stretch || segment.discontinuity) {
    stretch = { init: await bytesAt(new URL(segment.map?.uri ?? '', url)), segments: [] };
    seen.stretches.push(stretch);
  }
  const bytes = await bytesAt(new URL(segment.uri, url));
  stretch.segments.push({ number: segment.mediaSequenceNumber, durationSec: segment.duration, bytes });
}

/** Seconds that the playlist promised. */
export const promisedSec = (stretch: Stretch): number =>
  stretch.segments.reduce((sum, { durationSec }) => sum + durationSec, 0);

function fileOf({ init, segments }: Stretch): string {
  const file = join(newFolder(), 'stretch.mp4');
  writeFileSync(file, Buffer.concat([init, ...segments.map(({ bytes }) => bytes)]));
  return file;
}

/** When each frame is shown or heard, in the order of decoding, seconds; by ffprobe. */
export async function frameTimes(stretch: Stretch): Promise<number[]> {
  const args = ['-v', 'error', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', fileOf(stretch)];
  const { stdout } = await run('ffprobe', args, { maxBuffer: 2 ** 24 });
  return stdout.trim().split('\n').map(Number.parseFloat);
}

/** A decode of every picture to its mean brightness, 0 to 255. Fails where the decoder complains. */
export async function brightness(stretch: Stretch): Promise<number[]> {
  const filter = ['-vf', 'scale=1:1:flags=area,format=gray', '-fps_mode', 'passthrough', '-f', 'rawvideo'];
  return [...(await decoded(stretch, filter))];
}

const LOUDNESS_HZ = 8000;

/** When the sound rises from silence, seconds from its first sample. Fails where the decoder complains. */
export async function toneStarts(stretch: Stretch): Promise<number[]> {
  const pcm = await decoded(stretch, ['-ac', '1', '-ar', String(LOUDNESS_HZ), '-f', 's16le']);
  const starts: number[] = [];
  let quietFor = LOUDNESS_HZ;
  for (let at = 0; at + 1 < pcm.length; at += 2) {
    const loud = Math.abs(pcm.readInt16LE(at)) > 3000;
    if (loud && quietFor > LOUDNESS_HZ / 4) starts.push(at / 2 / LOUDNESS_HZ);
    quietFor = loud ? 0 : quietFor + 1;
  }
  return starts;
}

async function decoded(stretch: Stretch, output: readonly string[]): Promise<Buffer> {
  const args = ['-v', 'error', '-nostdin', '-i', fileOf(stretch), ...output, 'pipe:1'];
  const { stdout, stderr } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 26 });
  if (stderr.length > 0) throw new Error(`the decoder complains: ${stderr.toString().slice(0, 500)}`);
  return stdout;
}
