import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spliceInsert, spliceNull, timeSignal } from '../../media/splice-info.fixture.js';
import type { SourceCue } from '../source-cue.js';
import { PacketWriter } from './ts.fixture.js';
import { TsDemuxer } from './ts-demuxer.js';

const [PMT, VIDEO, CUES, TAGS] = [0x1000, 0x100, 0x1f0, 0x1f1] as const;
const CUEI = [5, 4, ...Buffer.from('CUEI')];
/** ISO/IEC 13818-1 §2.6.60: application and format by identifier, service 0, and program number. */
const ID3_METADATA = [0x26, 13, 0xff, 0xff, ...Buffer.from('ID3 '), 0xff, ...Buffer.from('ID3 '), 0, 0x0f];
const tag = (text: string) =>
  Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
const STREAMS = [
  { type: 27, pid: VIDEO },
  { type: 0x86, pid: CUES, info: CUEI },
  { type: 0x15, pid: TAGS, info: ID3_METADATA },
];

function demuxer() {
  const cues: SourceCue[] = [];
  const faults: string[] = [];
  const stream = new TsDemuxer({
    onConfig: () => {},
    onFrame: () => {},
    onCue: (cue) => cues.push(cue),
    onFault: (message) => faults.push(message),
  });
  return { stream, cues, faults };
}

/** In one packet, or as many as it takes. */
function sectionPackets(writer: PacketWriter, section: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.from([0]), section]);
  const packets: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 184)
    packets.push(writer.packet(CUES, bytes.subarray(at, at + 184), at === 0, 0xff));
  return Buffer.concat(packets);
}

/** A slice of H.264, which makes the video's clock known. */
const clocked = (writer: PacketWriter, pts: number) =>
  writer.pes(VIDEO, Buffer.from([0, 0, 0, 1, 0x41, 0x9a, 0]), { pts });

describe('cues in a transport stream', () => {
  it('are read beside the tracks, at the times of their clock', () => {
    const writer = new PacketWriter();
    const { stream, cues, faults } = demuxer();
    stream.push(Buffer.concat([writer.pat(PMT), writer.pmt(PMT, STREAMS)]));
    // The clock comes round between the picture and the splice.
    const now = 2 ** 33 - 90_000;
    stream.push(Buffer.concat([clocked(writer, now), clocked(writer, now + 3600), clocked(writer, now + 7200)]));
    const out = spliceInsert({ eventId: 1, out: true, pts: 270_000, breakTicks: 900_000 });
    const long = timeSignal(
      270_000,
      Array.from({ length: 30 }, (_, index) => ({ eventId: index, type: 0x30 })),
    );
    stream.push(Buffer.concat([sectionPackets(writer, out), sectionPackets(writer, spliceNull())]));
    stream.push(Buffer.concat([sectionPackets(writer, out), sectionPackets(writer, long)]));
    stream.push(writer.pes(TAGS, tag('hello'), { pts: now + 7200 }));
    expect(faults).toEqual([]);
    expect(cues.map(({ kind, time }) => ({ kind, time }))).toEqual([
      { kind: 'scte35', time: 2 ** 33 + 270_000 },
      { kind: 'scte35', time: 2 ** 33 + 270_000 },
      { kind: 'id3', time: now + 7200 },
    ]);
    expect(cues.map(({ data }) => data)).toEqual([out, long, tag('hello')]);
  });

  it('that speak of their own moment are told once, however often they are repeated', () => {
    const writer = new PacketWriter();
    const { stream, cues } = demuxer();
    stream.push(Buffer.concat([writer.pat(PMT), writer.pmt(PMT, STREAMS)]));
    const now = spliceInsert({ eventId: 3, out: true, pts: null });
    for (const second of [0, 1, 2, 20]) {
      stream.push(clocked(writer, second * 90_000));
      stream.push(clocked(writer, second * 90_000 + 3600));
      stream.push(sectionPackets(writer, now));
    }
    expect(cues.map(({ time }) => time)).toEqual([null, null]);
  });

  it('are left alone where the type is another maker’s, the CRC is wrong, or they are no ID3', () => {
    const writer = new PacketWriter();
    const { stream, cues } = demuxer();
    const discs = [5, 4, ...Buffer.from('HDMV')];
    const listed = (info: readonly number[]) => [
      { type: 27, pid: VIDEO },
      { type: 0x86, pid: CUES, info },
    ];
    const out = spliceInsert({ eventId: 1, out: true, pts: 1 });
    stream.push(Buffer.concat([writer.pat(PMT), writer.pmt(PMT, listed(discs)), sectionPackets(writer, out)]));
    expect(cues).toEqual([]);
    const broken = Buffer.from(out);
    broken[9] = 1;
    stream.push(Buffer.concat([writer.pmt(PMT, STREAMS, 1), sectionPackets(writer, broken)]));
    stream.push(writer.pes(TAGS, Buffer.from('not a tag at all'), { pts: 5 }));
    expect(cues).toEqual([]);
    expect(stream.damage.damagedSections).toBe(1);
    stream.push(sectionPackets(writer, out));
    expect(cues).toHaveLength(1);
  });

  it('never make the demuxer throw or grow, whatever the bytes', () => {
    const packet = fc.record({
      pid: fc.constantFrom<number>(CUES, TAGS),
      start: fc.boolean(),
      bytes: fc.uint8Array({ maxLength: 184 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), (packets) => {
        const writer = new PacketWriter();
        const { stream, cues } = demuxer();
        stream.push(Buffer.concat([writer.pat(PMT), writer.pmt(PMT, STREAMS)]));
        for (const { pid, start, bytes } of packets) stream.push(writer.packet(pid, Buffer.from(bytes), start));
        stream.end();
        expect(cues.every(({ data }) => data.length <= 4096)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
