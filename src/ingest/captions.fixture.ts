/** Line 21 captions and the units that carry them, made by hand. */

/** Odd parity in the highest bit (CTA-608-E §4). */
function withParity(seven: number): number {
  let ones = 0;
  for (let bit = 0; bit < 7; bit++) ones += (seven >> bit) & 1;
  return ones % 2 === 0 ? seven | 0x80 : seven;
}

const pair = (first: number, second: number): number[] => [withParity(first), withParity(second)];

/** Pop-on captions on CC1 (`channel` 0) or CC2 (1): one pair a picture, each control code twice (CTA-608-E §8). */
export function popOn(text: string, channel = 0): number[][] {
  const control = (first: number, second: number) => {
    const code = pair(first | (channel << 3), second);
    return [code, code];
  };
  const padded = text.length % 2 === 0 ? text : `${text} `;
  const letters = Array.from({ length: padded.length / 2 }, (_, index) => {
    return pair(padded.charCodeAt(2 * index), padded.charCodeAt(2 * index + 1));
  });
  const [resume, clear, row15, show] = [
    [0x14, 0x20],
    [0x14, 0x2e],
    [0x14, 0x60],
    [0x14, 0x2f],
  ] as const;
  return [...control(...resume), ...control(...clear), ...control(...row15), ...letters, ...control(...show)];
}

/** Takes the caption off the screen. */
export const eraseShown = (): number[][] => [pair(0x14, 0x2c), pair(0x14, 0x2c)];
/** Nothing on line 21. */
export const PADDING = [0x80, 0x80];

/** Constructs of three bytes (CTA-708-E §4.3.5): line 21 of field 1, padding on field 2, and what else is given. */
export function constructs(line21: readonly number[], more: readonly number[] = []): Buffer {
  return Buffer.from([0xfc, ...line21, 0xfd, ...PADDING, ...more]);
}

/** The start of a CTA-708 packet whose first block is of that service. */
export const servicePacket = (service: number): number[] => [0xff, 0x02, (service << 5) | 2, 0xfe, 0x48, 0x49];

/** A supplemental enhancement unit of H.264 with that cc_data (A/53 part 4 §6.2.3), without its start code. */
export function captionUnit(cc: Buffer, codec: 'h264' | 'hevc' = 'h264'): Buffer {
  const data = [0xb5, 0x00, 0x31, ...Buffer.from('GA94'), 0x03, 0xc0 | (cc.length / 3), 0xff, ...cc, 0xff];
  const head = codec === 'h264' ? [0x06] : [0x4e, 0x01];
  return Buffer.from([...head, 0x04, data.length, ...data, 0x80]);
}
