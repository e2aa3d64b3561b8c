/**
 * A block of AAC in which nothing sounds (ISO/IEC 14496-3 §4.4.2, raw_data_block): one element with an empty spectrum (max_sfb 0), for
 * either number of channels that is passed through, and the end.
 */
const MONO = Buffer.from('00000007', 'hex');
const STEREO = Buffer.from('21000000001c', 'hex');

export function aacSilence(channels: number): Buffer {
  return channels === 1 ? MONO : STEREO;
}
