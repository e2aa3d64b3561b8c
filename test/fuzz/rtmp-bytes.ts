import type { RecordedClip } from '../../src/ingest/matroska/recorded-clip.fixture.js';
import { amf, messageBytes } from '../../src/ingest/rtmp/rtmp-client.fixture.js';
import type { Frame } from '../../src/media/frame.js';
import type { Recordings } from './recordings.js';

/** One message of a publisher, before it is cut into chunks. */
export interface PublisherMessage {
  readonly type: number;
  readonly payload: Buffer;
  readonly clock: number;
  readonly cid: number;
  readonly streamId: number;
}

const [SET_CHUNK_SIZE, AUDIO, VIDEO, DATA, COMMAND] = [1, 8, 9, 18, 20];
const FOUR_CC: Partial<Record<Frame['codec'], string>> = {
  hevc: 'hvc1',
  av1: 'av01',
  vp9: 'vp09',
  vp8: 'vp08',
  opus: 'Opus',
  mp3: '.mp3',
};

/** What stands before the messages: C0, C1 and C2. */
export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1536, 7)]);

export function chunked(messages: readonly PublisherMessage[]): Buffer {
  return Buffer.concat(messages.map((message) => messageBytes(message.type, message.payload, message)));
}

/** Whole publishes, from `connect` on: plain RTMP and the codecs that enhanced RTMP adds. */
export function publisherSessions({ video, audio }: Recordings, streamKey: string): PublisherMessage[][] {
  const pairs: [RecordedClip, RecordedClip][] = [
    [video.h264, audio.aac],
    [video.hevc, audio.opus],
    [video.av1, audio.mp3],
    [video.vp9, audio.aac],
    [video.vp8, audio.opus],
  ];
  return pairs.map((clips) => [...greeting(streamKey), ...media(clips)]);
}

function greeting(streamKey: string): PublisherMessage[] {
  const metadata = { width: 160, height: 90, framerate: 25, videocodecid: 7, audiocodecid: 10 };
  return [
    message(COMMAND, amf('connect', 1, { app: 'live', tcUrl: 'rtmp://127.0.0.1/live' }), 3, 0),
    message(SET_CHUNK_SIZE, Buffer.from([0, 0, 0, 128]), 2, 0),
    message(COMMAND, amf('createStream', 2, null), 3, 0),
    message(COMMAND, amf('publish', 3, null, streamKey, 'live'), 3, 1),
    message(DATA, amf('@setDataFrame', 'onMetaData', metadata), 4, 1),
  ];
}

/** The clips' configs, then their frames in order of decoding. */
export function media(clips: readonly RecordedClip[]): PublisherMessage[] {
  const configs = clips.map(({ config }) => tag({ ...config, dts: 0, pts: 0, key: true }, true));
  const frames = clips.flatMap((clip) => clip.frames).sort((one, other) => one.dts - other.dts);
  return [...configs, ...frames.map((frame) => tag(frame, false))];
}

function tag(
  frame: Pick<Frame, 'track' | 'codec' | 'data' | 'key' | 'dts' | 'pts'>,
  isConfig: boolean,
): PublisherMessage {
  const body = Buffer.concat([tagHead(frame, isConfig), frame.data]);
  const clock = Math.max(0, frame.dts);
  return { ...message(frame.track === 'video' ? VIDEO : AUDIO, body, frame.track === 'video' ? 6 : 7, 1), clock };
}

function tagHead({ track, codec, key, dts, pts }: Parameters<typeof tag>[0], isConfig: boolean): Buffer {
  const offset = Buffer.alloc(3);
  offset.writeIntBE(pts - dts, 0, 3);
  const kind = key ? 1 : 2;
  if (codec === 'aac') return Buffer.from([0xaf, isConfig ? 0 : 1]);
  if (codec === 'h264') return Buffer.concat([Buffer.from([(kind << 4) | 7, isConfig ? 0 : 1]), offset]);
  const head = track === 'audio' ? 0x90 : 0x80 | (kind << 4);
  const name = Buffer.from(FOUR_CC[codec] ?? '', 'latin1');
  const offsetBytes = codec === 'hevc' && !isConfig ? offset : Buffer.alloc(0);
  return Buffer.concat([Buffer.from([head | (isConfig ? 0 : 1)]), name, offsetBytes]);
}

function message(type: number, payload: Buffer, cid: number, streamId: number): PublisherMessage {
  return { type, payload, clock: 0, cid, streamId };
}
