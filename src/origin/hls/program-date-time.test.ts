import fc from 'fast-check';
import { expect, it } from 'vitest';
import { programDateTime } from './program-date-time.js';

const STARTED_AT = 1_700_000_000_000;
const SOUND_RATES = [44_100, 48_000];
const FRAME = 1024;

it('says of pictures the millisecond they begin in, or the next one', () => {
  for (const ms of [0, 2000, 4004]) expect(programDateTime(STARTED_AT + ms, 'video')).toBe(STARTED_AT + ms);
  expect(programDateTime(STARTED_AT + 2033.3333, 'video')).toBe(STARTED_AT + 2034);
  // As a sum of binary fractions has it.
  expect(programDateTime(STARTED_AT + 2000.0001, 'video')).toBe(STARTED_AT + 2000);
});

it('never has sound end, among the pictures, behind its own last sample', () => {
  const frames = fc.integer({ min: 1, max: 1_000_000 });
  const segment = fc.record({
    frames,
    rate: fc.constantFrom(...SOUND_RATES),
    pictureMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });
  fc.assert(
    fc.property(segment, ({ frames: before, rate, pictureMs }) => {
      const soundMs = (before * FRAME * 1000) / rate;
      const placed = programDateTime(STARTED_AT + soundMs, 'audio') - programDateTime(STARTED_AT + pictureMs, 'video');
      // Twenty parts, each told to five decimals.
      expect(placed + 20 * 0.005).toBeLessThanOrEqual(soundMs - pictureMs + 0.002);
      expect(placed).toBeGreaterThan(soundMs - pictureMs - 2.2);
    }),
  );
});
