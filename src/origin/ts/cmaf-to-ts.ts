import type { InitSegment } from '../cmaf/init-segment.js';
import { badMedia } from '../failure.js';
import { AnnexB } from './annex-b.js';
import { type Carriage, carriageOf } from './carriage.js';
import { readInit, readSamples, type TimedSample } from './cmaf-samples.js';
import type { PesPacket } from './pes.js';
import { soundPes } from './sound.js';
import { muxSegment } from './ts-muxer.js';

/** A track of a segment: its header, and the media in it. */
export interface CmafPieces {
  readonly init: Buffer;
  /** Null: the track has nothing in this segment, though it has in others. */
  readonly segment: Buffer | null;
}

/**
 * CMAF segments of up to two tracks as one segment of MPEG-TS. Pure. Throws `origin.bad-init`, `origin.bad-fragment` or
 * `origin.bad-box` for what is no CMAF, or cannot be carried.
 */
export function cmafToTs(tracks: readonly CmafPieces[]): Buffer {
  const read = tracks.map(readTrack);
  const typeOf = (track: Carriage['track']) =>
    read.find(({ carriage }) => carriage.track === track)?.carriage.streamType ?? null;
  const pes = read.flatMap(({ carriage, init, samples }) => pesOf(carriage, init, samples));
  if (pes.length === 0) throw badMedia('origin.bad-fragment', 'a segment holds no media');
  return muxSegment({ videoType: typeOf('video'), audioType: typeOf('audio') }, pes);
}

function readTrack(pieces: CmafPieces) {
  const init = readInit(pieces.init);
  const carriage = carriageOf(init.codecs);
  if (carriage === null) throw badMedia('origin.bad-init', `MPEG-TS has no place for ${init.codecs}`);
  return { init, carriage, samples: pieces.segment === null ? [] : readSamples(pieces.segment, init) };
}

function pesOf({ codec }: Carriage, init: InitSegment, samples: readonly TimedSample[]): PesPacket[] {
  if (codec === 'aac' || codec === 'mp3') return soundPes(codec, init, samples);
  const stream = new AnnexB(codec, init);
  return samples.map((sample) => stream.pes(sample));
}
