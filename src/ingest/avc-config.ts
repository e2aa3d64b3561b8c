/** Reads the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3), which every H.264 source sends before its frames. */
export interface AvcConfig {
  /** Bytes of the length before each NAL unit in a frame: 1, 2 or 4. */
  readonly lengthSize: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** Null where the record is cut short, of another version, or names no parameter sets. */
export function readAvcConfig(record: Buffer): AvcConfig | null {
  if (record.length < 7 || record[0] !== 1) return null;
  const lengthSize = ((record[4] ?? 0) & 3) + 1;
  const sps = readParameterSets(record, 6, (record[5] ?? 0) & 0x1f);
  if (sps === null || sps.sets.length === 0 || sps.end >= record.length) return null;
  const pps = readParameterSets(record, sps.end + 1, record[sps.end] ?? 0);
  if (pps === null || pps.sets.length === 0) return null;
  return { lengthSize, sps: sps.sets, pps: pps.sets };
}

function readParameterSets(record: Buffer, start: number, count: number): { sets: Buffer[]; end: number } | null {
  const sets: Buffer[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    if (at + 2 > record.length) return null;
    const length = record.readUInt16BE(at);
    at += 2;
    if (length === 0 || at + length > record.length) return null;
    sets.push(record.subarray(at, at + length));
    at += length;
  }
  return { sets, end: at };
}

/** The parameter sets as NAL units with 4-byte lengths, as they may stand before a keyframe's own NAL units. */
export function parameterSetNals(config: AvcConfig): Buffer {
  const pieces = [...config.sps, ...config.pps].flatMap((set) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(set.length);
    return [length, set];
  });
  return Buffer.concat(pieces);
}
