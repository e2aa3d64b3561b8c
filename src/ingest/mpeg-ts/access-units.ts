/** Finds where access units begin in a run of NAL units: delimiters, where the encoder sends them, and else the first slice. */

type VideoCodec = 'h264' | 'hevc';

/** The NAL units of each access unit, in order (ITU-T H.264 §7.4.1.2.3, H.265 §7.4.2.4.4). */
export function splitAccessUnits(codec: VideoCodec, nals: readonly Buffer[]): Buffer[][] {
  const roleOf = codec === 'h264' ? avcRole : hevcRole;
  const units: Buffer[][] = [];
  let unit: Buffer[] = [];
  let hasPicture = false;
  for (const nal of nals) {
    const role = roleOf(nal);
    const begins = role === 'delimiter' || (hasPicture && (role === 'ahead' || role === 'first-slice'));
    if (begins && unit.length > 0) {
      units.push(unit);
      unit = [];
      hasPicture = false;
    }
    unit.push(nal);
    hasPicture ||= role === 'first-slice' || role === 'slice';
  }
  if (unit.length > 0) units.push(unit);
  return units;
}

/** `ahead`: what may stand before a picture's first slice only. `first-slice`: the slice that has the picture's first block. */
type Role = 'delimiter' | 'ahead' | 'first-slice' | 'slice' | 'other';

/** Table 7-1. A slice's first_mb_in_slice is a Golomb code, and 0 is the one that begins with a set bit. */
function avcRole(nal: Buffer): Role {
  const type = (nal[0] ?? 0) & 0x1f;
  if (type === 1 || type === 2 || type === 5) return ((nal[1] ?? 0) & 0x80) !== 0 ? 'first-slice' : 'slice';
  if (type === 9) return 'delimiter';
  return (type >= 6 && type <= 8) || (type >= 14 && type <= 18) ? 'ahead' : 'other';
}

/** Table 7-1; other layers (nuh_layer_id above 0) belong to the base layer's picture before them. */
function hevcRole(nal: Buffer): Role {
  const head = nal.length < 3 ? 0xffff : nal.readUInt16BE(0);
  const type = (head >> 9) & 0x3f;
  if (((head >> 3) & 0x3f) !== 0) return 'other';
  if (type < 32) return ((nal[2] ?? 0) & 0x80) !== 0 ? 'first-slice' : 'slice';
  if (type === 35) return 'delimiter';
  const ahead = (type >= 32 && type <= 34) || type === 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
  return ahead ? 'ahead' : 'other';
}
