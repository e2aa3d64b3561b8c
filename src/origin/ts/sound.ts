import type { InitSegment } from '../cmaf/init-segment.js';
import { badMedia } from '../failure.js';
import { ADTS_BYTES, ADTS_PAYLOAD_MAX, readAdtsShape, writeAdts } from './adts.js';
import type { TimedSample } from './cmaf-samples.js';
import { makePes, type PesPacket } from './pes.js';

/** How long the sound in one PES packet lasts at most, ticks of 90 kHz; where it carries the clock, that is due as often. */
const GROUP_TICKS = 9_000;
/** Of frames in one PES packet: it must say its length, in 16 bits. */
const GROUP_BYTES_MAX = 0xff00;

/** What goes before each frame. */
interface Framing {
  readonly headBytes: number;
  readonly payloadMax: number;
  readonly writeHead: (out: Buffer, at: number, payloadBytes: number) => number;
}

/** MP3's frames have their own headers. */
const BARE: Framing = { headBytes: 0, payloadMax: GROUP_BYTES_MAX, writeHead: (_out, at) => at };

/**
 * A track's sound as PES packets, several frames to each. A frame too large to be one is left out. Throws `origin.bad-init` or
 * `origin.bad-box`.
 */
export function soundPes(codec: 'aac' | 'mp3', init: InitSegment, samples: readonly TimedSample[]): PesPacket[] {
  const framing = codec === 'mp3' ? BARE : adts(init);
  const honest = samples.filter(({ data }) => data.length > 0 && data.length <= framing.payloadMax);
  return grouped(honest, framing).map((group) => groupPes(group, framing));
}

function adts(init: InitSegment): Framing {
  const shape = readAdtsShape(init);
  if (shape === null) throw badMedia('origin.bad-init', 'the sound has a shape that MPEG-TS cannot carry');
  return {
    headBytes: ADTS_BYTES,
    payloadMax: ADTS_PAYLOAD_MAX,
    writeHead: (out, at, payloadBytes) => writeAdts(out, at, shape, payloadBytes),
  };
}

/** Frames that follow one another without a gap: only the first has a time. */
function grouped(samples: readonly TimedSample[], { headBytes }: Framing): TimedSample[][] {
  const groups: TimedSample[][] = [];
  let bytes = 0;
  for (const sample of samples) {
    const group = groups.at(-1);
    const [first, last] = [group?.[0], group?.at(-1)];
    bytes += headBytes + sample.data.length;
    const fits = first !== undefined && sample.endDts - first.dts <= GROUP_TICKS && bytes <= GROUP_BYTES_MAX;
    if (group !== undefined && fits && Math.abs(sample.dts - (last?.endDts ?? 0)) <= 1) group.push(sample);
    else {
      groups.push([sample]);
      bytes = headBytes + sample.data.length;
    }
  }
  return groups;
}

function groupPes(group: readonly TimedSample[], framing: Framing): PesPacket {
  const [dts, endDts] = [group[0]?.dts ?? 0, group.at(-1)?.endDts ?? 0];
  const size = group.reduce((sum, { data }) => sum + framing.headBytes + data.length, 0);
  return makePes('audio', { dts, pts: dts, endDts, key: true }, size, (bytes, at) => {
    let position = at;
    for (const { data } of group) {
      position = framing.writeHead(bytes, position, data.length);
      position += data.copy(bytes, position);
    }
  });
}
