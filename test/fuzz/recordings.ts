import { encode, PICTURE, TONE } from '../../src/ingest/codecs.fixture.js';
import { type RecordedClip, recordClip } from '../../src/ingest/matroska/recorded-clip.fixture.js';
import type { AudioCodec, VideoCodec } from '../../src/media/frame.js';

/** What the mutations begin from: a moment of each codec and container, as the real encoders write it. */
export interface Recordings {
  readonly video: Readonly<Record<VideoCodec, RecordedClip>>;
  readonly audio: Readonly<Record<AudioCodec, RecordedClip>>;
  readonly annexB: Readonly<Record<'h264' | 'hevc', Buffer>>;
  readonly adts: Buffer;
  readonly transportStreams: readonly Buffer[];
}

/** One thread, so that the same bytes come out each time. */
const VIDEO = [...PICTURE, '-frames:v', '12', '-threads', '1', '-pix_fmt', 'yuv420p'];
const AUDIO = [...TONE, '-t', '0.5', '-ac', '2'];
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '5'];
const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=5:pools=none'];
const REALTIME = ['-deadline', 'realtime', '-cpu-used', '8', '-g', '5'];
const BOTH = [...PICTURE, ...TONE, '-t', '0.5', '-threads', '1', '-pix_fmt', 'yuv420p'];

export async function makeRecordings(): Promise<Recordings> {
  const [h264, hevc, av1, vp8, vp9, aac, opus, mp3, annexH264, annexHevc, adts, ...transportStreams] =
    await Promise.all([
      recordClip('video', 'h264', ...VIDEO, ...X264),
      recordClip('video', 'hevc', ...VIDEO, ...X265),
      recordClip('video', 'av1', ...VIDEO, '-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-g', '5'),
      recordClip('video', 'vp8', ...VIDEO, '-c:v', 'libvpx', ...REALTIME),
      recordClip('video', 'vp9', ...VIDEO, '-c:v', 'libvpx-vp9', ...REALTIME),
      recordClip('audio', 'aac', ...AUDIO, '-c:a', 'aac'),
      recordClip('audio', 'opus', ...AUDIO, '-c:a', 'libopus'),
      recordClip('audio', 'mp3', ...AUDIO, '-c:a', 'libmp3lame'),
      encode('h264', ...VIDEO, ...X264),
      encode('hevc', ...VIDEO, ...X265),
      encode('adts', ...AUDIO, '-c:a', 'aac'),
      encode('mpegts', ...BOTH, ...X264, '-c:a', 'aac'),
      encode('mpegts', ...BOTH, ...X265, '-c:a', 'libmp3lame'),
      encode('mpegts', ...AUDIO, '-c:a', 'libopus'),
    ]);
  return {
    video: { h264, hevc, av1, vp8, vp9 },
    audio: { aac, opus, mp3 },
    annexB: { h264: annexH264, hevc: annexHevc },
    adts,
    transportStreams,
  };
}
