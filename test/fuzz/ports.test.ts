import { afterAll, beforeAll, describe, it } from 'vitest';
import { FuzzSession } from './fuzz-session.js';
import { makeRecordings, type Recordings } from './recordings.js';
import { RtmpPort } from './rtmp-port.js';
import { SrtPort } from './srt-port.js';

/** A connection costs a hundred times what a parser's input does. */
const fuzz = new FuzzSession('fuzzed ports', 0.06);
let recordings: Recordings;
beforeAll(async () => {
  recordings = await makeRecordings();
});
afterAll(() => fuzz.close());

describe('mutated sessions', () => {
  it('at the RTMP and RTMPS ports cost another publisher not a frame', { timeout: 3_600_000 }, async () => {
    const port = await RtmpPort.open(recordings);
    await fuzz.run(port.targets).finally(() => port.close());
  });

  it('at the SRT port cost another publisher not a frame', { timeout: 3_600_000 }, async () => {
    const port = await SrtPort.open();
    await fuzz.run(port.targets).finally(() => port.close());
  });
});
