/** Whether renditions of this codec (RFC 6381) keep the captions of their source: in H.264 and HEVC they stand among the picture's own units. */
export function carriesCaptions(codecs: string): boolean {
  return /^(avc|hvc|hev)\d/.test(codecs);
}
