/** Takes out the 3 of each 0 0 3 (ITU-T H.264 §7.4.1, H.265 §7.4.2.1), so that a NAL unit's payload reads as plain bits. */
export function rawPayload(bytes: Buffer): Buffer {
  const plain = Buffer.alloc(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}
