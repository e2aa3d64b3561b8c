import { PACKET_BYTES, PACKET_ROOM } from './packet.js';

/** Bits per second. */
interface Rate {
  readonly bandwidth: number;
  readonly averageBandwidth: number;
}

/** PES packets of sound in a second: ten, and somewhat more where frames do not fill a tenth of a second. */
const SOUND_PES = 16;
/** Of a picture or group of frames: its own head, its delimiter and its parameter sets, and stuffing in its last packet. */
const PES_BYTES_MAX = 250;
const PES_BYTES_USUAL = 120;
/** For each segment: a round of both tables, and up to fifteen packets more for each PID (`packet-plan`). */
const SEGMENT_PACKETS_MAX = 32 + 30;

/** What a transport stream of these tracks takes. `frameRate`: of the picture, 0 where there is none. */
export function tsRate(tracks: readonly Rate[], stream: { segmentSec: number; frameRate: number }): Rate {
  const sum = (of: keyof Rate) => tracks.reduce((total, rate) => total + rate[of], 0);
  const pes = stream.frameRate + SOUND_PES;
  const tables = (SEGMENT_PACKETS_MAX * PACKET_BYTES * 8) / stream.segmentSec;
  const packed = (bits: number, pesBytes: number) => {
    return Math.ceil((bits * PACKET_BYTES) / PACKET_ROOM + pes * pesBytes * 8 + tables);
  };
  return {
    bandwidth: packed(sum('bandwidth'), PES_BYTES_MAX),
    averageBandwidth: packed(sum('averageBandwidth'), PES_BYTES_USUAL),
  };
}
