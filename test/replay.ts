import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RtmpClient } from '../src/ingest/rtmp/rtmp-client.fixture.js';

const run = promisify(execFile);

/** One audio or video message as an encoder sends it. */
export interface Message {
  /** RTMP's: 8 audio, 9 video. */
  readonly type: number;
  /** Milliseconds. */
  readonly clock: number;
  readonly payload: Buffer;
}

/**
 * A broadcast of so many seconds, recorded from the real encoder: each whole second begins with a white picture of 120 ms and
 * a tone as long, so that whoever decodes it can see and hear whether the two are still together. A key every second.
 */
export async function recordSignals(seconds: number): Promise<Message[]> {
  const flash = `color=black:size=320x180:rate=25,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.12)'`;
  const tone = `aevalsrc='if(lt(mod(t,1),0.12),0.5*sin(2*PI*880*t),0)':sample_rate=48000`;
  const args = [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', flash, '-f', 'lavfi', '-i', tone, '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '25', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '64k', '-f', 'flv', 'pipe:1'],
  ];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return readTags(stdout);
}

function readTags(flv: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 13; at + 11 < flv.length; ) {
    const type = flv[at] ?? 0;
    const length = flv.readUIntBE(at + 1, 3);
    const clock = flv.readUIntBE(at + 4, 3) + (flv[at + 7] ?? 0) * 0x1000000;
    if (type === 8 || type === 9) messages.push({ type, clock, payload: flv.subarray(at + 11, at + 11 + length) });
    at += 11 + length + 4;
  }
  return messages;
}

export interface Replay {
  readonly client: RtmpClient;
  /** Resolves when everything has been sent; the publisher is then still there. */
  readonly sent: Promise<void>;
  /** Ends the stream as an encoder does. */
  stop(): Promise<void>;
}

/**
 * Publishes the messages at the pace in which they were recorded, under the clock that `edit` makes of theirs. `edit` gets a
 * message's own time in milliseconds; what it returns is sent in 32 bits, as RTMP has it, and null is not sent.
 */
export async function replay(
  rtmpUrl: string,
  messages: readonly Message[],
  edit: (clock: number, message: Message) => number | null = (clock) => clock,
): Promise<Replay> {
  const { port, pathname } = new URL(rtmpUrl);
  const client = await RtmpClient.publishing(Number(port), pathname.split('/').at(-1) ?? '');
  const sent = send(client, messages, edit);
  sent.catch(() => {});
  return { client, sent, stop: () => stop(client) };
}

async function send(
  client: RtmpClient,
  messages: readonly Message[],
  edit: (clock: number, message: Message) => number | null,
): Promise<void> {
  const startedAt = performance.now();
  for (const message of messages) {
    const aheadMs = message.clock - (performance.now() - startedAt);
    if (aheadMs > 5) await wait(aheadMs);
    // A socket that is not read learns of its end by writing alone.
    if (client.closed || client.socket.errored !== null)
      throw new Error(`the server closed the connection at ${message.clock} ms`);
    const { type, payload } = message;
    const clock = edit(message.clock, message);
    if (clock !== null) client.message(type, payload, { clock: clock >>> 0, streamId: 1, cid: type - 4 });
  }
}

async function stop(client: RtmpClient): Promise<void> {
  client.command('deleteStream', 4, null, 1);
  await wait(50);
  client.close();
}
