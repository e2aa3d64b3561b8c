/** The CRC at the end of every PSI section (ISO/IEC 13818-1 Annex A): polynomial 0x04C11DB7, not reflected, no final XOR. */
const TABLE = makeTable();

/** 0 over a whole section, its CRC included, means that it is undamaged. */
export function crc32Mpeg(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = ((crc << 8) ^ (TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return crc;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index << 24;
    for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c1_1db7 : 0);
    return value >>> 0;
  });
}
