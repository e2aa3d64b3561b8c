import { afterAll, beforeAll, describe, it } from 'vitest';
import { FuzzSession } from './fuzz-session.js';
import { makeRecordings, type Recordings } from './recordings.js';
import { RtmpPort } from './rtmp-port.js';
import { SrtPort } from './srt-port.js';
import { WhipPort } from './whip-port.js';

/** A connection costs a hundred times what a parser's input does. */
const PART = 0.02;
const timeout = 3_600_000;
const fuzz = new FuzzSession('fuzzed ports', PART);
let recordings: Recordings;
let rtmp: RtmpPort;

/** The innocent RTMP publisher sends through all of it, whatever happens at the other ports. */
beforeAll(async () => {
  recordings = await makeRecordings();
  rtmp = await RtmpPort.open(recordings);
});

afterAll(() => fuzz.close());

describe('whatever comes to a port, publishers beside it lose not a frame:', () => {
  it('RTMP and RTMPS', { timeout }, () => fuzz.run(rtmp.targets));

  it('SRT', { timeout }, async () => {
    const port = await SrtPort.open();
    await fuzz.run(port.targets).finally(() => port.close());
  });

  it('WHIP and WebRTC', { timeout }, async () => {
    const port = await WhipPort.open(recordings);
    await fuzz.run(port.targets).finally(() => port.close());
  });

  it('and the publisher that was there all the time', { timeout }, () => rtmp.close());
});
