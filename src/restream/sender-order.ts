import { hostIn, type RestreamAddress } from '../media/restream-address.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { ContainerPlan } from './container-plan.js';

/** What an ffmpeg that sends a feed to a target is started with. */
export interface SenderOrder {
  /** Holds no secret: other users of the machine can read it. Stands before `private` and the output. */
  readonly args: readonly string[];
  /** Further options of the output, `name=value`, which nobody else must read. */
  readonly private: readonly string[];
  /** The output's address, without secrets. */
  readonly output: string;
}

/** The feed's header says all there is to know; the default waits for seconds of media. */
const INPUT = ['-f', 'matroska', '-probesize', '32768', '-analyzeduration', '200000', '-i', 'pipe:0'];
/** A track that pauses (sound, while the slate has none) must not hold back the other one for long; in µs. */
const INTERLEAVE_US = 1_000_000;
/** For a connection, and for each read and write that the protocol waits for; in µs. */
const WAIT_US = 10_000_000;
const SRT_CONNECT_MS = 5_000;
/** What has not arrived yet is still sent at the end, for so long. */
const SRT_LINGER_SEC = 2;
const AAC_BITRATE = '128k';

export function senderOrder(
  address: RestreamAddress,
  plan: Extract<ContainerPlan, { kind: 'send' }>,
  { video, audio }: SourceFacts,
): SenderOrder {
  const sound = plan.sound === 'copied' ? ['-c:a', 'copy'] : ['-c:a', 'aac', '-b:a', AAC_BITRATE];
  return {
    args: [
      ...INPUT,
      ...(video === null ? [] : ['-map', '0:v', '-c:v', 'copy', ...pictureFilters(video.codec, plan.format)]),
      ...(audio === null ? [] : ['-map', '0:a', ...sound]),
      ...['-max_interleave_delta', String(INTERLEAVE_US), '-flush_packets', '1'],
      ...muxer(address, plan.format),
    ],
    private: privateOptions(address),
    output: outputOf(address),
  };
}

/** In FLV, new parameter sets in the stream become a new configuration record; a transport stream has them in the stream. */
function pictureFilters(codec: string, format: 'flv' | 'mpegts'): string[] {
  if (format === 'mpegts' || (codec !== 'h264' && codec !== 'hevc')) return [];
  return ['-bsf:v', `${codec}_mp4toannexb,extract_extradata`];
}

function muxer({ scheme }: RestreamAddress, format: 'flv' | 'mpegts'): string[] {
  if (format === 'mpegts') return ['-f', 'mpegts'];
  const waits = ['-rw_timeout', String(WAIT_US)];
  const trust = scheme === 'rtmps' ? ['-tls_verify', '1'] : [];
  return ['-flvflags', 'no_duration_filesize', ...waits, ...trust, '-f', 'flv'];
}

function privateOptions(address: RestreamAddress): string[] {
  if (address.scheme !== 'srt') return [`rtmp_app=${address.app}`, `rtmp_playpath=${address.streamKey}`];
  const { streamId, passphrase, keyBytes } = address;
  return [
    ...(streamId === null ? [] : [`srt_streamid=${streamId}`]),
    ...(passphrase === null ? [] : [`passphrase=${passphrase}`, `pbkeylen=${keyBytes}`]),
  ];
}

function outputOf(address: RestreamAddress): string {
  const place = `${address.scheme}://${hostIn(address)}:${address.port}`;
  if (address.scheme !== 'srt') return place;
  // ffmpeg's `latency` is in µs.
  const latency = address.latencyMs === null ? [] : [`latency=${address.latencyMs * 1000}`];
  return `${place}?${['mode=caller', 'transtype=live', `connect_timeout=${SRT_CONNECT_MS}`, `linger=${SRT_LINGER_SEC}`, ...latency].join('&')}`;
}
