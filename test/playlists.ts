import type { types } from 'hls-parser';

/**
 * The segments of a playlist that are there as a whole. hls-parser gives the parts of the open segment as one segment more, at
 * the end, without an address and without a length.
 */
export const wholeSegments = ({ segments }: types.MediaPlaylist): readonly types.Segment[] =>
  segments.filter(({ uri }) => uri !== '');

/** Those of them that can be fetched: not the ones that the playlist calls gaps. */
export const presentSegments = (playlist: types.MediaPlaylist): readonly types.Segment[] =>
  wholeSegments(playlist).filter(({ gap }) => !gap);
