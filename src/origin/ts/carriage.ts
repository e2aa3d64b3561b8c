/** The standards' number for what a PID carries: ISO/IEC 13818-1 Table 2-34. */
export interface Carriage {
  readonly track: 'video' | 'audio';
  readonly codec: 'h264' | 'hevc' | 'aac' | 'mp3';
  readonly streamType: number;
}

const BY_CODEC: readonly (readonly [RegExp, Carriage])[] = [
  [/^avc[13]\./, { track: 'video', codec: 'h264', streamType: 0x1b }],
  [/^h(vc|ev)1\./, { track: 'video', codec: 'hevc', streamType: 0x24 }],
  // Low complexity, alone or with spectral bands and parametric stereo on top: what ADTS can say.
  [/^mp4a\.40\.(2|5|29)$/, { track: 'audio', codec: 'aac', streamType: 0x0f }],
  [/^mp4a\.6b$/i, { track: 'audio', codec: 'mp3', streamType: 0x03 }],
  // MP3 at the half sampling rates of MPEG-2.
  [/^mp4a\.69$/i, { track: 'audio', codec: 'mp3', streamType: 0x04 }],
];

/**
 * How a track goes into a transport stream; null for what old boxes have no name for (AV1, VP9, Opus). `codecs` as in
 * RFC 6381, of one track.
 */
export function carriageOf(codecs: string): Carriage | null {
  return BY_CODEC.find(([pattern]) => pattern.test(codecs))?.[1] ?? null;
}
