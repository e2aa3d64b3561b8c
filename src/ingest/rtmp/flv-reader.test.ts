import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlvContent } from './flv-content.js';
import { FlvReader } from './flv-reader.js';

const DATA = [0x0a, 0x0b, 0x0c, 0x0d];
const fourCc = (code: string) => [...Buffer.from(code, 'latin1')];
const hvc1 = fourCc('hvc1');
const mp4a = fourCc('mp4a');

function video(...bytes: number[]): FlvContent {
  return new FlvReader().read({ kind: 'video', clock: 1000, payload: Buffer.from(bytes) });
}

function audio(...bytes: number[]): FlvContent {
  return new FlvReader().read({ kind: 'audio', clock: 1000, payload: Buffer.from(bytes) });
}

function frame(codec: string, pts: number, key: boolean, data: readonly number[] = DATA) {
  return { kind: 'frame', frame: { codec, dts: 1000, pts, timescale: 1000, key, data: Buffer.from(data) } };
}

function config(codec: string) {
  return { kind: 'config', config: { codec, data: Buffer.from(DATA) } };
}

describe('pictures', () => {
  it('of H.264, and of HEVC as it was sent before it had a FourCC', () => {
    expect(video(0x17, 0, 0, 0, 0, ...DATA)).toMatchObject(config('h264'));
    expect(video(0x17, 1, 0, 0, 80, ...DATA)).toMatchObject(frame('h264', 1080, true));
    expect(video(0x27, 1, 0xff, 0xff, 0xd8, ...DATA)).toMatchObject(frame('h264', 960, false));
    expect(video(0x1c, 0, 0, 0, 0, ...DATA)).toMatchObject(config('hevc'));
    expect(video(0x2c, 1, 0, 0, 40, ...DATA)).toMatchObject(frame('hevc', 1040, false));
  });

  it('by FourCC, with and without an offset', () => {
    expect(video(0x90, ...hvc1, ...DATA)).toMatchObject(config('hevc'));
    expect(video(0x91, ...hvc1, 0, 0, 40, ...DATA)).toMatchObject(frame('hevc', 1040, true));
    expect(video(0xa3, ...hvc1, ...DATA)).toMatchObject(frame('hevc', 1000, false));
    expect(video(0x91, ...fourCc('avc1'), 0xff, 0xff, 0xff, ...DATA)).toMatchObject(frame('h264', 999, true));
    expect(video(0x90, ...fourCc('av01'), ...DATA)).toMatchObject(config('av1'));
    expect(video(0xa1, ...fourCc('av01'), ...DATA)).toMatchObject(frame('av1', 1000, false));
  });

  it('of VP9 get their size from a key frame, whether vpcC has its version or not', () => {
    const key = [0x82, 0x49, 0x83, 0x42, 0x20, 0x09, 0xf0, 0x05, 0x90];
    for (const head of [[], [1, 0, 0, 0]]) {
      const flv = new FlvReader();
      const read = (...payload: number[]) => flv.read({ kind: 'video', clock: 0, payload: Buffer.from(payload) });
      const vp09 = fourCc('vp09');
      expect(read(0x90, ...vp09, ...head, 0, 10, 0x82, 9, 16, 9)).toEqual({ kind: 'ignored' });
      const first = read(0x91, ...vp09, ...key);
      expect(first).toMatchObject({
        config: { codec: 'vp9', data: Buffer.from([0, 10, 0x82, 9, 16, 9, 0, 160, 0, 90]) },
      });
      expect(read(0x91, ...vp09, ...key)).toMatchObject({ kind: 'frame', config: null });
    }
  });

  it('of VP8 bring their config in the key frame', () => {
    const key = [0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 160, 0, 90, 0, 1, 2, 3];
    expect(video(0x91, ...fourCc('vp08'), ...key)).toMatchObject({ kind: 'frame', config: { codec: 'vp8' } });
  });

  it('that are none are passed over', () => {
    const ignored = { kind: 'ignored' };
    expect(video()).toEqual(ignored);
    expect(video(0x57, 0)).toEqual(ignored);
    expect(video(0x17, 2, 0, 0, 0)).toEqual(ignored);
    expect(video(0x92, ...hvc1)).toEqual(ignored);
    expect(video(0x94, ...hvc1, 2, 0, 9)).toEqual(ignored);
    expect(video(0xd1, 0)).toEqual(ignored);
    expect(video(0x91, ...hvc1, 0, 0)).toEqual(ignored);
    expect(video(0x91, 0x68)).toEqual(ignored);
  });

  it('behind modifiers are found', () => {
    const nanoseconds = [2, 0, 1, 0, 0x01];
    expect(video(0x97, ...nanoseconds, ...hvc1, 0, 0, 40, ...DATA)).toMatchObject(frame('hevc', 1040, true));
    expect(video(0x97, 2, 0, 1, 0, 0x07, 0, 9, 0x01, ...hvc1, 0, 0, 40, ...DATA)).toMatchObject(
      frame('hevc', 1040, true),
    );
    const long = [255, 1, 43, ...new Array<number>(300).fill(1), 0x03];
    expect(video(0xa7, ...long, ...hvc1, ...DATA)).toMatchObject(frame('hevc', 1000, false));
    expect(video(0xa7, ...long)).toEqual({ kind: 'ignored' });
  });
});

describe('of several tracks', () => {
  it('the one with id 0 is taken, wherever it stands', () => {
    const many = (...ids: number[]) => ids.flatMap((id) => [id, 0, 0, 4, id, 1, 2, 3]);
    expect(video(0xa6, 0x13, ...hvc1, ...many(1, 0, 2))).toMatchObject(frame('hevc', 1000, false, [0, 1, 2, 3]));
    expect(video(0xa6, 0x03, ...hvc1, 0, ...DATA)).toMatchObject(frame('hevc', 1000, false));
    const codecs = [...hvc1, 4, 0, 0, 1, 9, ...fourCc('av01'), 0, 0, 0, 4, ...DATA];
    expect(video(0x96, 0x23, ...codecs)).toMatchObject(frame('av1', 1000, true));
    expect(audio(0x95, 0x11, ...mp4a, ...many(0, 1))).toMatchObject(frame('aac', 1000, true, [0, 1, 2, 3]));
  });

  it('the others are told apart, and damage is passed over', () => {
    expect(video(0xa6, 0x03, ...hvc1, 3, ...DATA)).toEqual({ kind: 'other-track', track: 'video', trackId: 3 });
    expect(audio(0x95, 0x01, ...mp4a, 2, ...DATA)).toEqual({ kind: 'other-track', track: 'audio', trackId: 2 });
    expect(video(0xa6, 0x13, ...hvc1, 0, 0, 0, 200, 1)).toEqual({ kind: 'ignored' });
  });
});

describe('sound', () => {
  it('of AAC and MP3, with and without a FourCC', () => {
    expect(audio(0xaf, 0, ...DATA)).toMatchObject(config('aac'));
    expect(audio(0xaf, 1, ...DATA)).toMatchObject(frame('aac', 1000, true));
    expect(audio(0x90, ...mp4a, ...DATA)).toMatchObject(config('aac'));
    const mp3 = [0xff, 0xfb, 0x90, 0x44, 1, 2, 3];
    expect(audio(0x2f, ...mp3)).toMatchObject({ ...frame('mp3', 1000, true, mp3), config: { codec: 'mp3' } });
    expect(audio(0x91, ...fourCc('.mp3'), ...mp3)).toMatchObject({ kind: 'frame', config: { codec: 'mp3' } });
    expect(audio(0x91, ...fourCc('Opus'), ...DATA)).toMatchObject(frame('opus', 1000, true));
    expect(audio(0x90, ...fourCc('Opus'), ...DATA)).toMatchObject(config('opus'));
  });

  it('that is none is passed over', () => {
    for (const bytes of [[], [0x2f], [0xaf, 1], [0x92, ...mp4a], [0x94, ...mp4a, 1]]) {
      expect(audio(...bytes)).toEqual({ kind: 'ignored' });
    }
  });
});

describe('what is not taken is named', () => {
  it.each<[FlvContent, string]>([
    [video(0x14, 1, 2, 3, 4, 5), 'VP6 is not supported: send H.264, HEVC, AV1, VP9 or VP8'],
    [video(0x1d, 0, 0, 0, 0, 1), 'AV1 without a FourCC is not supported: send H.264, HEVC, AV1, VP9 or VP8'],
    [video(0x91, ...fourCc('vvc1'), 1), 'video of type vvc1 is not supported: send H.264, HEVC, AV1, VP9 or VP8'],
    [audio(0xb2, 1), 'Speex is not supported: send AAC, Opus or MP3'],
    [audio(0x91, ...fourCc('ac-3'), 1), 'audio of type ac-3 is not supported: send AAC, Opus or MP3'],
  ])('%#', (content, message) => {
    expect(content).toEqual({ kind: 'unsupported', message });
  });
});

it('foreign bytes give an answer, and a config has memory of its own', () => {
  const heads = fc.constantFrom(
    [],
    [0x97],
    [0x96, 0x13],
    [0x95, 0x21],
    [0x91, ...hvc1],
    [0x90, ...fourCc('vp09')],
    [0x17],
  );
  fc.assert(
    fc.property(fc.constantFrom('audio', 'video'), heads, fc.uint8Array({ maxLength: 80 }), (kind, head, tail) => {
      const payload = Buffer.from([...head, ...tail]);
      const content = new FlvReader().read({ kind, clock: 0, payload });
      if (content.kind === 'frame') expect(content.frame.data.length).toBeGreaterThan(0);
      if (content.kind === 'config') {
        const before = Buffer.from(content.config.data);
        payload.fill(0xee);
        expect(content.config.data).toEqual(before);
      }
    }),
    { numRuns: 5000 },
  );
});
