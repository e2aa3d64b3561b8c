import type { DecoderConfig, Frame } from '../media/frame.js';
import type { AudioFacts } from '../media/source-facts.js';
import { writeOpusHead } from './opus-config.js';

/** How long one packet plays. */
const PACKET_MS = 20;
/** CELT, full band, one frame of 20 ms (RFC 6716 §3.1), mono and stereo. */
const FIRST_BYTE = { mono: 0xf8, stereo: 0xfc };
/** A CELT frame's first bit says that it is silent (§4.3); it is so unlikely that these two bytes spell it. */
const SILENT_FRAME = [0xff, 0xfe];

interface OpusSilence {
  readonly config: DecoderConfig;
  /** To be repeated. */
  readonly packet: Frame;
  readonly packetMs: number;
}

/** Silence as Opus has it: a source's own kind of sound, which goes on in the feed that is open. Null for more than two channels. */
export function opusSilence({ channels }: AudioFacts): OpusSilence | null {
  if (channels > 2) return null;
  const data = Buffer.from([channels === 1 ? FIRST_BYTE.mono : FIRST_BYTE.stereo, ...SILENT_FRAME]);
  const packet: Frame = { track: 'audio', codec: 'opus', dts: 0, pts: 0, timescale: 1000, key: true, data };
  const head = writeOpusHead({ channels, preSkip: 0, sampleRate: 48_000 });
  return {
    config: { track: 'audio', codec: 'opus', data: head },
    packet,
    packetMs: PACKET_MS,
  };
}
