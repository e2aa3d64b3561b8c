import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecoderConfig, Frame } from '../../../media/frame.js';
import { readTrackFacts } from '../../source-facts.js';
import { type RecordedPacket, recordedPackets } from '../recorded.fixture.js';
import { type MediaAgreement, MediaSession } from './media-session.js';
import { bytesOf } from './rtp-packet.fixture.js';
import { isRtcp, readRtpPacket } from './rtp-packet.js';

const AGREED = {
  'chromium-h264': {
    video: { codec: 'h264', payloadType: 108, retransmissionType: 109, nack: true },
    audio: { payloadType: 111, nack: false },
  },
  'chromium-vp8': {
    video: { codec: 'vp8', payloadType: 96, retransmissionType: 97, nack: true },
    audio: { payloadType: 111, nack: false },
  },
} as const satisfies Record<string, MediaAgreement>;

function open(agreement: MediaAgreement) {
  const configs: DecoderConfig[] = [];
  const frames: Frame[] = [];
  const sent: Buffer[] = [];
  const session = new MediaSession({
    agreement,
    bitrateMaxBps: 8_000_000,
    send: (bytes) => sent.push(bytes),
    onConfig: (config) => configs.push(config),
    onFrame: (frame) => frames.push(frame),
  });
  const play = (packets: readonly RecordedPacket[]) => {
    for (const { bytes, atMs } of packets) session.packet(bytes, atMs);
    for (let more = 0; more <= 2000; more += 50) session.tick((packets.at(-1)?.atMs ?? 0) + more);
  };
  const video = () => frames.filter(({ track }) => track === 'video');
  /** The types of the RTCP packets after the report that each begins with. */
  const asked = (type: number) => sent.filter((bytes) => bytes.readUInt8(bytes.readUInt16BE(2) * 4 + 5) === type);
  return { session, configs, frames, sent, play, video, asked };
}

const isVideo = ({ bytes }: RecordedPacket, payloadType: number) =>
  !isRtcp(bytes) && readRtpPacket(bytes)?.payloadType === payloadType;

describe.each(['chromium-h264', 'chromium-vp8'] as const)('the recorded session %s', (name) => {
  const packets = recordedPackets(name);
  const agreement = AGREED[name];
  const { payloadType } = agreement.video;
  const whole = open(agreement);
  whole.play(packets);

  it('gives every picture and every sound, from a key on, on one rising clock', () => {
    const { frames, configs } = whole;
    const markers = packets.filter((one) => isVideo(one, payloadType) && readRtpPacket(one.bytes)?.marker === true);
    expect(whole.video()).toHaveLength(markers.length);
    expect(whole.video()[0]?.key).toBe(true);
    expect(configs.map(({ codec }) => codec).sort()).toEqual([agreement.video.codec, 'opus'].sort());
    for (const config of configs) expect(readTrackFacts(config)).toMatchObject({ ok: true });
    for (const track of ['video', 'audio']) {
      const times = frames.filter((frame) => frame.track === track).map((frame) => frame.dts / frame.timescale);
      expect(times).toEqual([...new Set(times)].sort((one, other) => one - other));
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(2);
    }
  });

  it('is answered with reports, the bitrate and requests for keys', () => {
    expect(whole.sent.length).toBeGreaterThan(3);
    for (const bytes of whole.sent) expect(bytes.readUInt8(1)).toBe(201);
    expect(whole.asked(206).length).toBeGreaterThanOrEqual(2);
    expect(whole.asked(205)).toHaveLength(0);
    expect(whole.session.stats).toMatchObject({ lossRatio: 0, retransmits: 0 });
  });

  it('is the same when packets come late, twice, or again in a stream of their own after they were asked for', () => {
    const { play, session, video, asked } = open(agreement);
    const disturbed = packets.flatMap((packet, index) => {
      if (!isVideo(packet, payloadType) || index < 20 || index % 10 !== 0) return [packet, packet];
      const read = readRtpPacket(packet.bytes);
      if (read === null) return [packet];
      const number = Buffer.alloc(2);
      number.writeUInt16BE(read.sequence);
      const again = {
        ...read,
        payloadType: agreement.video.retransmissionType,
        ssrc: 99,
        payload: Buffer.concat([number, read.payload]),
      };
      return [{ atMs: packet.atMs + 150, bytes: bytesOf(again) }];
    });
    play(disturbed.sort((one, other) => one.atMs - other.atMs));
    expect(video().map(({ data }) => data)).toEqual(whole.video().map(({ data }) => data));
    expect(asked(205).length).toBeGreaterThan(0);
    expect(session.stats.retransmits).toBeGreaterThan(5);
  });

  it('loses the pictures between a packet that never comes and the next key', () => {
    const { play, video } = open(agreement);
    const first = packets.findIndex((packet) => isVideo(packet, payloadType));
    const lost = packets.findIndex((packet, index) => index > first + 60 && isVideo(packet, payloadType));
    play(packets.filter((_, index) => index !== lost));
    expect(video().length).toBeLessThan(whole.video().length);
    const all = whole.video().map(({ data }) => data.toString('base64'));
    const kept = video().map(({ data }) => data.toString('base64'));
    // What remains are pictures of the source, whole, and the first one after the hole is a key.
    expect(kept.every((picture) => all.includes(picture))).toBe(true);
    const hole = kept.findIndex((picture, index) => picture !== all[index]);
    if (hole >= 0) expect(video()[hole]?.key).toBe(true);
  });

  it('goes on with a new source that takes the stream over', () => {
    const { play, video } = open(agreement);
    const moved = packets.map(({ atMs, bytes }) => {
      const packet = isRtcp(bytes) ? null : readRtpPacket(bytes);
      if (packet === null) return { atMs: atMs + 5000, bytes };
      const changed = {
        ...packet,
        ssrc: 4242,
        sequence: (packet.sequence + 30_000) % 65_536,
        timestamp: (packet.timestamp + 2 ** 31) % 2 ** 32,
      };
      return { atMs: atMs + 5000, bytes: bytesOf(changed) };
    });
    play([...packets, ...moved]);
    const later = video().slice(whole.video().length);
    expect(later.length).toBeGreaterThan(5);
    expect(later[0]?.key).toBe(true);
    const times = video().map(({ dts }) => dts);
    expect(times).toEqual([...times].sort((one, other) => one - other));
  });

  it('never breaks over damaged packets', () => {
    const damage = fc.record({
      at: fc.nat(packets.length - 1),
      byte: fc.nat(1300),
      value: fc.nat(255),
      cut: fc.nat(1300),
    });
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 60 }), (damages) => {
        const { session } = open(agreement);
        const damaged = packets.map(({ bytes, atMs }) => ({ bytes: Buffer.from(bytes), atMs }));
        for (const { at, byte, value, cut } of damages) {
          const one = damaged[at];
          if (one === undefined || one.bytes.length === 0) continue;
          one.bytes[byte % one.bytes.length] = value;
          if (cut % 3 === 0) damaged[at] = { ...one, bytes: one.bytes.subarray(0, cut % one.bytes.length) };
        }
        for (const { bytes, atMs } of damaged) session.packet(bytes, atMs);
      }),
      { numRuns: 30 },
    );
  });
});
