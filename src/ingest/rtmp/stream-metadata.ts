import type { TrackKind } from '../../media/frame.js';
import type { SourceMetadata } from '../source-metadata.js';
import { AmfError, type AmfValue, readAmf0 } from './amf0.js';

/**
 * Reads an `onMetaData` message, with or without `@setDataFrame` before it; null for any other data message, and for one
 * that is damaged: metadata is hearsay and no reason to cut a publisher.
 */
export function readStreamMetadata(payload: Buffer): SourceMetadata | null {
  const values = readLeniently(payload);
  const [name, properties] = values[0] === '@setDataFrame' ? values.slice(1) : values;
  if (name !== 'onMetaData' || !(properties instanceof Map)) return null;
  const frameRate = [properties.get('framerate'), properties.get('videoframerate'), properties.get('fps')].find(isRate);
  const tracks = promisedTracks(properties);
  return { ...(frameRate === undefined ? {} : { frameRate }), ...(tracks === null ? {} : { tracks }) };
}

function readLeniently(payload: Buffer): AmfValue[] {
  try {
    return readAmf0(payload);
  } catch (error) {
    if (error instanceof AmfError) return [];
    throw error;
  }
}

function isRate(value: AmfValue): value is number {
  return typeof value === 'number' && value >= 1 && value <= 300;
}

/** An encoder that names one codec and nothing at all of the other track has only the one. */
function promisedTracks(properties: ReadonlyMap<string, AmfValue>): TrackKind[] | null {
  const names = [...properties.keys()].map((name) => name.toLowerCase());
  if (!names.includes('videocodecid') && !names.includes('audiocodecid')) return null;
  const video = names.some((name) => name.startsWith('video') || name === 'width' || name === 'height');
  const audio = names.some((name) => name.startsWith('audio') || name === 'stereo');
  return [...(video ? (['video'] as const) : []), ...(audio ? (['audio'] as const) : [])];
}
