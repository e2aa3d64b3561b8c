import type { DecoderConfig, Frame, TrackKind } from '../../../media/frame.js';
import { opusPacketSamples, writeOpusHead } from '../../opus-config.js';
import { BitrateCeiling } from './bitrate-ceiling.js';
import { H264Builder } from './h264-builder.js';
import { KeyRequests } from './key-requests.js';
import { MediaStream } from './media-stream.js';
import type { CodedPicture } from './picture-builder.js';
import { readRtcp } from './rtcp-reader.js';
import {
  middle32,
  NACKED_MAX,
  writeNack,
  writePli,
  writeReceiverReport,
  writeReferenceTime,
  writeRemb,
} from './rtcp-writer.js';
import { isRtcp, type RtpPacket, readRtpPacket } from './rtp-packet.js';
import { CLOCK_RATE, SourceClock } from './source-clock.js';
import { VideoReceiver } from './video-receiver.js';
import { Vp8Builder } from './vp8-builder.js';

/** What was agreed on for one session. */
export interface MediaAgreement {
  readonly video: {
    readonly codec: 'h264' | 'vp8';
    readonly payloadType: number;
    readonly retransmissionType: number | null;
    readonly nack: boolean;
  } | null;
  readonly audio: { readonly payloadType: number; readonly nack: boolean } | null;
}

export interface MediaStats {
  /** Of the packets that should have come since the last stats; 0 to 1. */
  readonly lossRatio: number;
  /** Packets that were lost and came again, in all. */
  readonly retransmits: number;
  /** Bits per second since the last stats. */
  readonly bitrate: number;
  readonly rttMs: number | null;
}

export interface MediaSessionOptions {
  readonly agreement: MediaAgreement;
  readonly bitrateMaxBps: number;
  /** Sends RTCP; a packet that can't be sent is as good as lost. */
  readonly send: (bytes: Buffer) => void;
  readonly onConfig: (config: DecoderConfig) => void;
  readonly onFrame: (frame: Frame) => void;
}

/** How long video waits for what is missing: it is on its way to viewers who are seconds behind. */
const VIDEO_GIVE_UP_MS = 1000;
/** Sound that nobody asks for again is either late or lost. */
const AUDIO_GIVE_UP_MS = 150;
const REORDER_MS = 15;
const FEEDBACK_EVERY_MS = 15;
const REPORT_EVERY_MS = 1000;
const ASK_AGAIN_MS = { least: 40, usual: 100, most: 300 };
const OPUS_HEAD = writeOpusHead({ channels: 2, preSkip: 0, sampleRate: 48_000 });

/**
 * One publisher's media: RTP and RTCP in, frames and our RTCP out. Knows no sockets and no clock of its own.
 *
 * Lifetime: from the transport's opening; `tick` about every 50 ms, on the same clock as `packet`.
 */
export class MediaSession {
  readonly #options: MediaSessionOptions;
  readonly #clock = new SourceClock();
  readonly #ceiling: BitrateCeiling;
  readonly #video: { readonly stream: MediaStream; receiver: VideoReceiver; keys: KeyRequests } | null;
  readonly #audio: MediaStream | null;
  #opusKnown = false;
  #nowMs = 0;
  #feedbackMs = 0;
  #reportMs = Number.NEGATIVE_INFINITY;
  #bytes = 0;
  #totals = { expected: 0, lost: 0 };
  #rttMs: number | null = null;
  #stats: MediaStats = { lossRatio: 0, retransmits: 0, bitrate: 0, rttMs: null };

  constructor(options: MediaSessionOptions) {
    this.#options = options;
    this.#ceiling = new BitrateCeiling(options.bitrateMaxBps);
    const { video, audio } = options.agreement;
    this.#video = video && {
      stream: this.#videoStream(video),
      receiver: this.#newReceiver(),
      keys: new KeyRequests(0),
    };
    this.#audio = audio && this.#audioStream(audio);
  }

  /** As of the last report. */
  get stats(): MediaStats {
    return this.#stats;
  }

  /** One datagram's content, whatever it is. */
  packet(bytes: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    if (isRtcp(bytes)) {
      this.#takeReports(bytes, nowMs);
      return;
    }
    const packet = readRtpPacket(bytes);
    if (packet === null) return;
    this.#bytes += bytes.length;
    if (this.#video?.stream.take(packet, nowMs) !== true) this.#audio?.take(packet, nowMs);
    if (nowMs - this.#feedbackMs >= FEEDBACK_EVERY_MS) this.tick(nowMs);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#feedbackMs = nowMs;
    this.#video?.stream.buffer?.expire(nowMs);
    this.#audio?.buffer?.expire(nowMs);
    this.#askForLost(nowMs);
    this.#askForKey(nowMs);
    if (nowMs - this.#reportMs >= REPORT_EVERY_MS) this.#report(nowMs);
  }

  /** Pictures did not get through to the far end: nothing goes on before the next key. */
  needKey(): void {
    this.#video?.receiver.needKey();
  }

  #videoStream(video: NonNullable<MediaAgreement['video']>): MediaStream {
    return new MediaStream({
      ...video,
      rate: CLOCK_RATE.video,
      reorderMs: REORDER_MS,
      giveUpMs: VIDEO_GIVE_UP_MS,
      onPacket: (packet, afterGap) => this.#video?.receiver.take(packet, afterGap),
      onSource: (nowMs) => this.#videoSource(nowMs),
    });
  }

  #audioStream(audio: NonNullable<MediaAgreement['audio']>): MediaStream {
    return new MediaStream({
      payloadType: audio.payloadType,
      retransmissionType: null,
      rate: CLOCK_RATE.audio,
      reorderMs: REORDER_MS,
      giveUpMs: audio.nack ? VIDEO_GIVE_UP_MS : AUDIO_GIVE_UP_MS,
      onPacket: (packet) => this.#sound(packet),
      onSource: () => this.#clock.restart('audio'),
    });
  }

  #newReceiver(): VideoReceiver {
    const builder = this.#options.agreement.video?.codec === 'vp8' ? new Vp8Builder() : new H264Builder();
    return new VideoReceiver({ builder, onPicture: (picture, timestamp) => this.#picture(picture, timestamp) });
  }

  #videoSource(nowMs: number): void {
    this.#clock.restart('video');
    if (this.#video === null) return;
    this.#video.receiver = this.#newReceiver();
    this.#video.keys = new KeyRequests(nowMs);
  }

  #picture({ config, data, key }: CodedPicture, timestamp: number): void {
    if (config !== null) this.#options.onConfig(config);
    if (data.length === 0) return;
    if (key) this.#video?.keys.keyCame(this.#nowMs);
    const codec = this.#options.agreement.video?.codec ?? 'h264';
    this.#frame({ track: 'video', codec, key, data }, timestamp);
  }

  #sound({ payload, timestamp }: RtpPacket): void {
    // Between two stretches of silence there may be packets that hold no sound.
    if (opusPacketSamples(payload) === 0) return;
    if (!this.#opusKnown) this.#options.onConfig({ track: 'audio', codec: 'opus', data: OPUS_HEAD });
    this.#opusKnown = true;
    this.#frame({ track: 'audio', codec: 'opus', key: true, data: payload }, timestamp);
  }

  #frame(frame: Pick<Frame, 'track' | 'codec' | 'key' | 'data'>, timestamp: number): void {
    const time = this.#clock.place(frame.track, timestamp, this.#nowMs);
    this.#options.onFrame({ ...frame, dts: time, pts: time, timescale: CLOCK_RATE[frame.track] });
  }

  #takeReports(bytes: Buffer, nowMs: number): void {
    for (const report of readRtcp(bytes)) {
      if (report.kind === 'delay') {
        this.#takeDelay(report.lastReport, report.delay, nowMs);
        continue;
      }
      const tracks: [TrackKind, MediaStream | null | undefined][] = [
        ['video', this.#video?.stream],
        ['audio', this.#audio],
      ];
      for (const [track, stream] of tracks) {
        if (stream?.senderReported(report.ssrc, report.middle32, nowMs) !== true) continue;
        this.#clock.report(track, report.rtpTime, report.ntpMs);
      }
    }
  }

  /** RFC 3611 §4.5: the round trip is what remains without the time that the report lay with the sender. */
  #takeDelay(lastReport: number, delay: number, nowMs: number): void {
    if (lastReport === 0) return;
    const rtt = ((middle32(nowMs) - lastReport - delay + 2 ** 33) % 2 ** 32) / 65.536;
    if (rtt < 10_000) this.#rttMs = Math.round(rtt * 10) / 10;
  }

  #askForLost(nowMs: number): void {
    const { video, audio } = this.#options.agreement;
    const again = Math.min(ASK_AGAIN_MS.most, Math.max(ASK_AGAIN_MS.least, (this.#rttMs ?? ASK_AGAIN_MS.usual) * 1.2));
    const streams = [video?.nack ? this.#video?.stream : null, audio?.nack ? this.#audio : null];
    for (const stream of streams) {
      const ssrc = stream?.ssrc ?? null;
      if (ssrc === null || stream?.buffer?.waiting !== true) continue;
      const due = stream.buffer.due(nowMs, again, NACKED_MAX);
      if (due.length > 0) this.#send([writeNack(ssrc, due)]);
    }
  }

  #askForKey(nowMs: number): void {
    const ssrc = this.#video?.stream.ssrc ?? null;
    if (this.#video === null || ssrc === null) return;
    const { receiver, keys } = this.#video;
    if (keys.due(nowMs, receiver.waitingForKey)) this.#send([writePli(ssrc)]);
  }

  #report(nowMs: number): void {
    const sinceMs = nowMs - this.#reportMs;
    const blocks = [this.#video?.stream, this.#audio].flatMap((stream) => stream?.report(nowMs) ?? []);
    if (blocks.length === 0) return;
    this.#reportMs = nowMs;
    if (Number.isFinite(sinceMs)) this.#measure(sinceMs);
    const ssrcs = blocks.map(({ ssrc }) => ssrc);
    this.#send([writeReceiverReport(blocks), writeReferenceTime(nowMs), writeRemb(ssrcs, this.#ceiling.bps)]);
  }

  #measure(sinceMs: number): void {
    const totals = [this.#video?.stream, this.#audio].flatMap((stream) => stream?.totals ?? []);
    const sum = (key: 'expected' | 'lost' | 'recovered') => totals.reduce((total, stream) => total + stream[key], 0);
    const expected = sum('expected') - this.#totals.expected;
    const lost = sum('lost') - this.#totals.lost;
    this.#totals = { expected: sum('expected'), lost: sum('lost') };
    const lossRatio = expected > 0 ? Math.min(1, Math.max(0, lost / expected)) : 0;
    const bitrate = Math.round((this.#bytes * 8000) / sinceMs);
    this.#bytes = 0;
    this.#stats = { lossRatio, retransmits: sum('recovered'), bitrate, rttMs: this.#rttMs };
    this.#ceiling.update(lossRatio, bitrate);
  }

  /** Each compound packet begins with a report, be it an empty one (RFC 3550 §6.1). */
  #send(packets: readonly Buffer[]): void {
    const compound = packets[0]?.readUInt8(1) === 201 ? packets : [writeReceiverReport([]), ...packets];
    this.#options.send(Buffer.concat(compound));
  }
}
