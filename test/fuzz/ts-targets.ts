import { TsDemuxer } from '../../src/ingest/mpeg-ts/ts-demuxer.js';
import { mustBeBelievable } from './codec-targets.js';
import type { FuzzTarget } from './fuzz-run.js';
import { cut, mutate } from './mutate.js';
import type { Recordings } from './recordings.js';

const PACKET_BYTES = 188;

/** The transport stream that SRT carries. */
export function tsTargets({ transportStreams }: Recordings): FuzzTarget[] {
  const demuxer: FuzzTarget = {
    name: 'MPEG-TS',
    share: 10,
    attempt(random) {
      const stream = random.pick(transportStreams);
      const options = { stride: PACKET_BYTES, others: transportStreams, changesMax: 20 };
      return demux(cut(random, mutate(random, stream, options), 20));
    },
  };
  return [demuxer];
}

function demux(pieces: readonly Buffer[]): boolean {
  let [faults, handedOut, received] = [0, 0, 0];
  const stream = new TsDemuxer({
    onConfig: (config) => mustBeBelievable(config),
    onFrame: (frame) => {
      handedOut += frame.data.length;
      if (!Number.isSafeInteger(frame.dts) || !Number.isSafeInteger(frame.pts))
        throw new Error('a frame without a time');
    },
    onFault: () => faults++,
  });
  for (const piece of pieces) {
    received += piece.length;
    stream.push(piece);
  }
  stream.end();
  if (faults > 1) throw new Error('more than one fault');
  // Lengths take four bytes where start codes may have three.
  if (handedOut > 2 * received) throw new Error(`${handedOut} bytes of frames out of ${received}`);
  return faults === 0 && handedOut > 0;
}
