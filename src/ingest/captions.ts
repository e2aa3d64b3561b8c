/**
 * Which captions a picture carries: CTA-608 and CTA-708 in ATSC A/53 user data, as H.264 and HEVC have it in a
 * supplemental enhancement message (A/53 part 4 §6.2.3). Pure, and never throws: the bytes are foreign. Only the heads of NAL
 * units are looked at, up to the picture's first slice.
 */
import type { Frame } from '../media/frame.js';
import type { CaptionChannels } from '../media/source-facts.js';

/** country code, provider, `GA94`, and the type that says cc_data; no start code can be read into it, so none was prevented. */
const CC_DATA_MARK = Buffer.from('b500314741393403', 'hex');
/** Units before a picture's first slice. */
const HEADS_MAX = 16;

/** The three-byte constructs of a picture's cc_data (CTA-708-E §4.3.5); null where it has none. A view into the frame. */
export function captionData({ codec, data }: Pick<Frame, 'codec' | 'data'>): Buffer | null {
  if (codec !== 'h264' && codec !== 'hevc') return null;
  let at = 0;
  for (let heads = 0; heads < HEADS_MAX && at + 5 < data.length; heads++) {
    const end = at + 4 + data.readUInt32BE(at);
    const head = data[at + 4] ?? 0;
    const type = codec === 'h264' ? head & 0x1f : (head >> 1) & 0x3f;
    if (end > data.length || isSlice(codec, type)) return null;
    if (type === (codec === 'h264' ? 6 : 39)) {
      const found = constructsIn(data.subarray(at + 5, end));
      if (found !== null) return found;
    }
    at = end;
  }
  return null;
}

const isSlice = (codec: 'h264' | 'hevc', type: number) => (codec === 'h264' ? type >= 1 && type <= 5 : type < 32);

/** Each construct begins with five set bits, so that no two zeros are followed by a small byte: nothing in it was escaped. */
function constructsIn(message: Buffer): Buffer | null {
  const mark = message.indexOf(CC_DATA_MARK);
  const at = mark + CC_DATA_MARK.length;
  const flags = mark === -1 ? 0 : (message[at] ?? 0);
  if ((flags & 0x40) === 0) return null;
  return message.subarray(at + 2, at + 2 + 3 * (flags & 0x1f));
}

/** A caption channel as one number: 1 to 4 are CC1 to CC4, 100 and more are services of CTA-708. */
export type CaptionChannel = number;
const SERVICE_BASE = 100;

/** The channels that these constructs write to. */
export function channelsIn(constructs: Buffer): CaptionChannel[] {
  const found: CaptionChannel[] = [];
  for (let at = 0; at + 3 <= constructs.length; at += 3) {
    const head = constructs[at] ?? 0;
    const [first, second] = [constructs[at + 1] ?? 0, constructs[at + 2] ?? 0];
    const type = head & 3;
    const channel = (head & 4) === 0 ? null : type < 2 ? line21Channel(type, first, second) : serviceOf(type, second);
    if (channel !== null) found.push(channel);
  }
  return found;
}

/** By the control codes, which name their channel (CTA-608-E §8.4); characters, padding and programme data (XDS) name none. */
function line21Channel(field: number, first: number, second: number): CaptionChannel | null {
  if (!isOdd(first) || !isOdd(second)) return null;
  const [code, argument] = [first & 0x7f, second & 0x7f];
  if (code < 0x10 || code > 0x1f || argument < 0x20) return null;
  // Text mode is no captions: text restart and resume.
  const isMiscellaneous = (code & 6) === 4 && argument < 0x30;
  if (isMiscellaneous && (argument === 0x2a || argument === 0x2b)) return null;
  return 1 + 2 * field + ((code >> 3) & 1);
}

/** A packet's beginning holds its head and that of its first service block (CTA-708-E §5, §6.2.1). */
function serviceOf(type: number, blockHead: number): CaptionChannel | null {
  const service = blockHead >> 5;
  const isUsed = type === 3 && service > 0 && service < 7 && (blockHead & 0x1f) > 0;
  return isUsed ? SERVICE_BASE + service : null;
}

/** CTA-608-E §4: seven bits and odd parity. */
function isOdd(byte: number): boolean {
  let bits = byte;
  bits ^= bits >> 4;
  bits ^= bits >> 2;
  bits ^= bits >> 1;
  return (bits & 1) === 1;
}

export function channelsOf(channels: Iterable<CaptionChannel>): CaptionChannels {
  const sorted = [...channels].sort((a, b) => a - b);
  return {
    cea608: sorted.filter((channel) => channel < SERVICE_BASE),
    cea708: sorted.filter((channel) => channel >= SERVICE_BASE).map((channel) => channel - SERVICE_BASE),
  };
}

/** Both together; null where `more` brings nothing new. */
export function joinCaptions(known: CaptionChannels | null, more: CaptionChannels): CaptionChannels | null {
  const union = (one: readonly number[], other: readonly number[]) => [...new Set([...one, ...other])];
  const cea608 = union(known?.cea608 ?? [], more.cea608).sort((a, b) => a - b);
  const cea708 = union(known?.cea708 ?? [], more.cea708).sort((a, b) => a - b);
  const before = (known?.cea608.length ?? 0) + (known?.cea708.length ?? 0);
  return cea608.length + cea708.length > before ? { cea608, cea708 } : null;
}
