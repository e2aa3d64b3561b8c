/** The two tables that say what is in a transport stream (ISO/IEC 13818-1 §2.4.4), from sections whose CRC is right. */

export interface ProgramEntry {
  readonly programNumber: number;
  readonly pmtPid: number;
}

export interface Descriptor {
  readonly tag: number;
  readonly data: Buffer;
}

/** One elementary stream as the PMT lists it. */
export interface ListedStream {
  readonly pid: number;
  /** stream_type, Table 2-34. */
  readonly type: number;
  readonly descriptors: readonly Descriptor[];
}

const PAT_TABLE = 0;
const PMT_TABLE = 2;
const CRC_BYTES = 4;
/** Table id, length, id, version, section numbers. */
const LONG_HEAD_BYTES = 8;

/** §2.4.4.3; null where it is no PAT that counts now. */
export function readPat(section: Buffer): ProgramEntry[] | null {
  if (!isCurrent(section, PAT_TABLE, LONG_HEAD_BYTES)) return null;
  const programs: ProgramEntry[] = [];
  for (let at = LONG_HEAD_BYTES; at + 4 <= section.length - CRC_BYTES; at += 4) {
    const programNumber = section.readUInt16BE(at);
    // Program 0 is the network information table.
    if (programNumber !== 0) programs.push({ programNumber, pmtPid: section.readUInt16BE(at + 2) & 0x1fff });
  }
  return programs;
}

export interface ListedProgram {
  readonly programNumber: number;
  /** Of the program as a whole. */
  readonly descriptors: readonly Descriptor[];
  readonly streams: readonly ListedStream[];
}

/** §2.4.4.8; null where it is no PMT that counts now, or its lengths leave it. */
export function readPmt(section: Buffer): ListedProgram | null {
  if (!isCurrent(section, PMT_TABLE, LONG_HEAD_BYTES + 4)) return null;
  const end = section.length - CRC_BYTES;
  const streams: ListedStream[] = [];
  let at = LONG_HEAD_BYTES + 4 + (section.readUInt16BE(10) & 0x0fff);
  const own = readDescriptors(section.subarray(LONG_HEAD_BYTES + 4, Math.min(at, end)));
  while (at + 5 <= end) {
    const infoEnd = at + 5 + (section.readUInt16BE(at + 3) & 0x0fff);
    if (infoEnd > end) return null;
    const descriptors = readDescriptors(section.subarray(at + 5, infoEnd));
    streams.push({ pid: section.readUInt16BE(at + 1) & 0x1fff, type: section[at] ?? 0, descriptors });
    at = infoEnd;
  }
  return { programNumber: section.readUInt16BE(3), descriptors: own, streams };
}

/** current_next_indicator 0 announces a table that counts later. */
function isCurrent(section: Buffer, table: number, headBytes: number): boolean {
  return section.length >= headBytes + CRC_BYTES && section[0] === table && ((section[5] ?? 0) & 1) === 1;
}

function readDescriptors(bytes: Buffer): Descriptor[] {
  const descriptors: Descriptor[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const end = at + 2 + (bytes[at + 1] ?? 0);
    if (end > bytes.length) break;
    descriptors.push({ tag: bytes[at] ?? 0, data: bytes.subarray(at + 2, end) });
    at = end;
  }
  return descriptors;
}
