import { afterAll, describe, it } from 'vitest';
import { codecTargets } from './codec-targets.js';
import { FuzzSession } from './fuzz-session.js';
import { publisherTargets } from './publisher-targets.js';
import { makeRecordings } from './recordings.js';
import { rtmpTargets } from './rtmp-targets.js';
import { srtTargets } from './srt-targets.js';
import { tsTargets } from './ts-targets.js';
import { whipTargets } from './whip-targets.js';

const fuzz = new FuzzSession('fuzzed parsers', 1);
afterAll(() => fuzz.close());

describe('mutated recordings', () => {
  it('are read or refused by every parser: no crash, no hang, no growth', { timeout: 3_600_000 }, async () => {
    const recordings = await makeRecordings();
    await fuzz.run([
      ...codecTargets(recordings),
      ...rtmpTargets(recordings),
      ...tsTargets(recordings),
      ...srtTargets(),
      ...whipTargets(),
      ...(await publisherTargets(recordings)),
    ]);
  });
});
