import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { PublisherSession } from './broadcast.js';
import type { MediaMessage } from './rtmp/flv-content.js';
import { FlvReader } from './rtmp/flv-reader.js';

const run = promisify(execFile);

/** What an encoder would send as messages, made by the real one in a moment: a 320x180 picture at 25/s and a tone by default. */
export async function record(options: RecordOptions = {}): Promise<MediaMessage[]> {
  const { seconds = 2, size = '320x180', video = true, audio = true, extra = [] } = options;
  const inputs = [
    ...(video ? ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`] : []),
    ...(audio ? ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'] : []),
  ];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0', '-pix_fmt', 'yuv420p', ...extra];
  const codecs = [...(video ? x264 : []), ...(audio ? ['-c:a', 'aac', '-b:a', '64k'] : [])];
  const args = ['-v', 'error', '-nostdin', ...inputs, '-t', String(seconds), ...codecs, '-f', 'flv', 'pipe:1'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return readTags(stdout);
}

export interface RecordOptions {
  readonly seconds?: number;
  readonly size?: string;
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly extra?: readonly string[];
}

function readTags(flv: Buffer): MediaMessage[] {
  const messages: MediaMessage[] = [];
  for (let at = 13; at + 11 < flv.length; ) {
    const type = flv[at] ?? 0;
    const length = flv.readUIntBE(at + 1, 3);
    const clock = flv.readUIntBE(at + 4, 3) + (flv[at + 7] ?? 0) * 0x1000000;
    const payload = flv.subarray(at + 11, at + 11 + length);
    if (type === 8 || type === 9) messages.push({ kind: type === 8 ? 'audio' : 'video', clock, payload });
    at += 11 + length + 4;
  }
  return messages;
}

/** The same messages on another clock. */
export function shifted(messages: readonly MediaMessage[], clock: (clock: number) => number): MediaMessage[] {
  return messages.map((message) => ({ ...message, clock: ((clock(message.clock) % 2 ** 32) + 2 ** 32) % 2 ** 32 }));
}

/** Gives the messages to a session as a connection would, and waits where it asks for it. */
export async function play(session: PublisherSession, messages: readonly MediaMessage[]): Promise<void> {
  const flv = new FlvReader();
  for (const message of messages) {
    const content = flv.read(message);
    if (content.kind === 'config') session.config(content.config);
    if (content.kind === 'frame' && !session.frame(content.frame)) await session.drained();
  }
}
