import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProbeReport } from './probe-report.js';

const video = {
  index: 0,
  codec_type: 'video',
  codec_name: 'h264',
  width: 640,
  height: 360,
  avg_frame_rate: '30000/1001',
};
const audio = { index: 1, codec_type: 'audio', codec_name: 'aac', sample_rate: '48000', channels: 6 };
const read = (streams: unknown[], format: unknown = { duration: '10.0' }, guessed = false) => {
  const reading = readProbeReport({ streams, format }, guessed);
  if (!reading.ok) throw new Error(reading.reason);
  return reading;
};
const refusal = (streams: unknown[]) => {
  const reading = readProbeReport({ streams, format: {} }, false);
  return reading.ok ? 'accepted' : reading.reason;
};

test.each([
  [-90, 90],
  [90, 270],
  [180, 180],
  [-180, 180],
  [270, 90],
  [0, 0],
  [-89.6, 90],
])('a display matrix of %d degrees turns the picture %d clockwise', (said, clockwise) => {
  expect(read([{ ...video, side_data_list: [{ rotation: said }] }]).facts.video?.rotation).toBe(clockwise);
});

test.each([
  ['0:1', 1],
  ['N/A', 1],
  ['16:15', 16 / 15],
  ['1000:1', 1],
  [undefined, 1],
])('pixel shape %s', (said, ratio) => {
  expect(read([{ ...video, sample_aspect_ratio: said }]).facts.video?.sampleAspectRatio).toBeCloseTo(ratio);
});

test.each([
  ['0/0', '25/1', 25],
  ['0/0', '0/0', null],
  ['30000/1001', '60/1', 30_000 / 1001],
])('frame rate from %s and %s', (average, base, rate) => {
  const { facts } = read([{ ...video, avg_frame_rate: average, r_frame_rate: base }]);
  expect(facts.video?.frameRate).toBe(rate);
});

describe('which streams', () => {
  test('the default one, then the largest, never a cover', () => {
    const cover = { ...video, index: 5, width: 4000, height: 4000, disposition: { attached_pic: 1 } };
    const large = { ...video, index: 3, width: 1280, height: 720 };
    const chosen = { ...video, index: 4, disposition: { default: 1 } };
    expect(read([cover, video, large]).video?.index).toBe(3);
    expect(read([cover, video, large, chosen]).video?.index).toBe(4);
    expect(read([audio, { ...audio, index: 2, channels: 8 }]).audio?.index).toBe(2);
  });

  test('not what cannot be decoded', () => {
    expect(read([{ ...video, codec_name: undefined }, audio]).video).toBeNull();
    expect(refusal([{ ...video, width: 0 }])).toMatch(/can be decoded \(h264\)/);
    expect(refusal([{ ...video, codec_tag_string: 'encv' }])).toMatch(/encrypted/);
    expect(refusal([{ ...video, disposition: { attached_pic: 1 } }])).toMatch(/still picture/);
    expect(refusal([{ index: 0, codec_type: 'subtitle' }])).toBe('the file holds no video and no audio');
  });
});

describe('when a stream ends', () => {
  test('its own duration counts from the start of the file', () => {
    const late = { ...video, start_time: '3.5', duration: '4.0' };
    expect(read([late], { start_time: '1.5', duration: '6.0' }).video?.endSec).toBe(6);
  });

  test('Matroska tags the end', () => {
    expect(read([{ ...video, tags: { DURATION: '01:02:03.500000000' } }]).video?.endSec).toBe(3723.5);
  });

  test('nothing is believed that was guessed', () => {
    const reading = read([{ ...audio, duration: '9' }], { duration: '9' }, true);
    expect([reading.audio?.endSec, reading.declaredSec]).toEqual([null, null]);
  });
});

test('whatever a file makes ffprobe say, the answer is a reading or words, or the shape is refused', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('N/A', '0/0', '-1/0', '1e400', 'video', 'audio', 'NaN'));
  const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
  const stream = fc.record(
    {
      index: fc.nat(),
      codec_type: fc.constantFrom('video', 'audio', 'data'),
      codec_name: word,
      width: number,
      height: number,
      sample_aspect_ratio: word,
      avg_frame_rate: word,
      sample_rate: word,
      channels: number,
      start_time: word,
      duration: word,
      nb_frames: word,
      tags: fc.dictionary(fc.constant('DURATION'), word),
      side_data_list: fc.array(fc.record({ rotation: number })),
    },
    { requiredKeys: ['index'] },
  );
  fc.assert(
    fc.property(
      fc.array(stream, { maxLength: 4 }),
      fc.record({ duration: word, start_time: word }),
      (streams, format) => {
        const reading = readProbeReport({ streams, format }, false);
        if (!reading.ok) return reading.reason.length > 0;
        const { video: picture } = reading.facts;
        if (picture === null) return reading.facts.audio !== null;
        const { sampleAspectRatio, frameRate, rotation } = picture;
        return (
          sampleAspectRatio > 0 &&
          (frameRate === null || (Number.isFinite(frameRate) && frameRate > 0)) &&
          rotation % 90 === 0 &&
          [reading.video?.endSec, reading.audio?.endSec].every((end) => end == null || Number.isFinite(end))
        );
      },
    ),
  );
});
