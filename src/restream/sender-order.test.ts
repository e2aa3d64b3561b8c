import { expect, test } from 'vitest';
import { readRestreamUrl } from '../media/restream-address.js';
import type { SourceFacts } from '../media/source-facts.js';
import { planContainer } from './container-plan.js';
import { failureWords } from './failure-words.js';
import { senderOrder } from './sender-order.js';

const facts = (video: string | null, audio: string | null, sampleRate = 48_000): SourceFacts => ({
  video:
    video === null
      ? null
      : {
          codec: video,
          width: 2,
          height: 2,
          rotation: 0,
          sampleAspectRatio: 1,
          frameRate: 25,
          interlaced: false,
          hdr: false,
        },
  audio: audio === null ? null : { codec: audio, sampleRate, channels: 2 },
});

test.each([
  ['rtmp', 'h264', 'aac', 48_000, false, 'flv copied'],
  ['rtmps', 'h264', 'opus', 48_000, false, 'flv encoded'],
  ['rtmp', 'h264', 'mp3', 44_100, false, 'flv copied'],
  ['rtmp', 'h264', 'mp3', 48_000, false, 'flv encoded'],
  ['rtmp', null, 'aac', 48_000, false, 'flv copied'],
  ['rtmp', 'hevc', 'aac', 48_000, true, 'flv copied'],
  ['rtmp', 'av1', null, 0, true, 'flv copied'],
  ['srt', 'hevc', 'opus', 48_000, false, 'mpegts copied'],
  ['rtmp', 'hevc', 'aac', 48_000, false, /ffmpeg 6\.1/],
  ['rtmp', 'vp8', 'opus', 48_000, true, /RTMP cannot carry VP8.*H\.264/],
  ['srt', 'av1', 'aac', 48_000, true, /MPEG-TS cannot carry AV1/],
] as const)('%s with %s and %s (%i Hz), enhanced: %s', (scheme, video, audio, rate, enhanced, wanted) => {
  const plan = planContainer(scheme, facts(video, audio, rate), enhanced);
  expect(plan.kind === 'send' ? `${plan.format} ${plan.sound}` : plan.reason).toMatch(wanted);
});

function orderFor(url: string, source: SourceFacts) {
  const reading = readRestreamUrl(url);
  if (!reading.ok) throw new Error(reading.problem);
  const plan = planContainer(reading.address.scheme, source, false);
  if (plan.kind !== 'send') throw new Error(plan.reason);
  return senderOrder(reading.address, plan, source);
}

test('what ffmpeg is told of a target stands in its arguments without the secrets', () => {
  const rtmps = orderFor('rtmps://h/app/a-secret?token=b', facts('h264', 'opus'));
  expect(rtmps.args.join(' ')).toBe(
    '-f matroska -probesize 32768 -analyzeduration 200000 -i pipe:0 -map 0:v -c:v copy -bsf:v h264_mp4toannexb,extract_extradata ' +
      '-map 0:a -c:a aac -b:a 128k -max_interleave_delta 1000000 -flush_packets 1 -flvflags no_duration_filesize ' +
      '-rw_timeout 10000000 -tls_verify 1 -f flv',
  );
  expect(rtmps).toMatchObject({ output: 'rtmps://h:443', private: ['rtmp_app=app', 'rtmp_playpath=a-secret?token=b'] });
  const srt = orderFor('srt://[::1]:9?streamid=a%20secret&passphrase=0123456789&pbkeylen=32', facts(null, 'aac'));
  expect(srt.args.join(' ')).toMatch(/-i pipe:0 -map 0:a -c:a copy .* -f mpegts$/);
  expect(srt.output).toBe('srt://[::1]:9?mode=caller&transtype=live&connect_timeout=5000&linger=2');
  expect(srt.private).toEqual(['srt_streamid=a secret', 'passphrase=0123456789', 'pbkeylen=32']);
});

test.each([
  ['[tcp] [error] Failed to resolve hostname h: Name or service not known', /no host/],
  ['[error] rtmp://h:1935: Connection refused', /refused/],
  [
    '[rtmp] [error] Server error: no stream a-secret\u001b[31m here\n[error] rtmp://h: Operation not permitted',
    /refuses the stream: no stream \*\*\* \[31m here$/,
  ],
  ['REJECT reported from HS processing: Incorrect passphrase', /another passphrase/],
  ['[tls] [error] Peer certificate failed verification', /certificate/],
  ['av_interleaved_write_frame(): Broken pipe', /closed the connection/],
  ['[error] srt://h:9: Protocol not found', /this ffmpeg/],
  ['something nobody foresaw with a-secret', /^ffmpeg exited \*\*\*$/],
])('%s, in words', (stderr, words) => {
  const reading = readRestreamUrl('rtmp://h/app/a-secret');
  if (!reading.ok) throw new Error(reading.problem);
  expect(failureWords(reading.address, stderr, 'ffmpeg exited a-secret')).toMatch(words);
});
