import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import type { PublisherSession } from '../broadcast.js';
import { readTrackFacts } from '../source-facts.js';
import { PublisherMedia } from './publisher-media.js';
import { readCommand } from './rtmp-command.js';
import { DEFAULT_RTMP_LIMITS } from './rtmp-limits.js';
import { RtmpSession } from './rtmp-session.js';

const NAMES = ['hevc-aac', 'av1-aac', 'vp9-aac', 'h264-mp3', 'h264-aac'];
const HANDSHAKE_BYTES = 1 + 2 * 1536;
const recordings = await Promise.all(NAMES.map((name) => readFile(new URL(`recorded/${name}.rtmp`, import.meta.url))));

/** Everything of a connection but its socket; how many frames came through, and what ended it. */
function take(bytes: Buffer, readBytes: number): { frames: number; fault: string | null } {
  let frames = 0;
  const session: PublisherSession = {
    channel: 'hall',
    broadcastId: 'b_0',
    config: readTrackFacts,
    metadata: () => {},
    cue: () => {},
    frame: () => {
      frames++;
      return true;
    },
    drained: async () => {},
    end: () => {},
  };
  const rtmp = new RtmpSession(DEFAULT_RTMP_LIMITS, () => {});
  const media = new PublisherMedia(session, silentLog, () => {});
  rtmp.mediaAllowed = true;
  for (let at = 0; at < bytes.length; at += readBytes) {
    // Each read in memory of its own, as a socket gives it.
    rtmp.push(Buffer.from(bytes.subarray(at, at + readBytes)));
    for (let message = rtmp.next(); message !== null; message = rtmp.next()) {
      if (message.kind === 'fault') return { frames, fault: message.reason };
      if (message.kind === 'command') readCommand(message.payload);
      else if (message.kind === 'audio' || message.kind === 'video') media.take(message);
      else media.takeMetadata(message.payload);
    }
  }
  return { frames, fault: null };
}

it('whole recordings give all their frames, however large the reads are', () => {
  for (const recording of recordings) {
    const whole = take(recording, recording.length);
    expect(whole.fault).toBeNull();
    expect(whole.frames).toBeGreaterThan(120);
    for (const readBytes of [1, 17, 1460]) expect(take(recording, readBytes)).toEqual(whole);
  }
});

it('recordings with some bytes changed, cut out or doubled never throw', () => {
  const change = fc.record({
    kind: fc.constantFrom('set', 'cut', 'double'),
    at: fc.nat(50_000),
    length: fc.integer({ min: 1, max: 64 }),
    value: fc.integer({ min: 0, max: 255 }),
  });
  const changes = fc.array(change, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom(...recordings),
      changes,
      fc.integer({ min: 100, max: 9000 }),
      (recording, all, reads) => {
        let bytes = Buffer.from(recording);
        for (const { kind, at: place, length, value } of all) {
          const at = HANDSHAKE_BYTES + (place % (bytes.length - HANDSHAKE_BYTES));
          if (kind === 'set') bytes[at] = value;
          else if (kind === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
          else bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        }
        expect(take(bytes, reads).frames).toBeLessThan(1000);
      },
    ),
    { numRuns: 1000 },
  );
});
