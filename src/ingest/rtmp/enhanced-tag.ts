/** What the body of an enhanced tag is (VideoPacketType and AudioPacketType; a sequence is what one decoder config covers). */
type EnhancedPacket = 'config' | 'frame' | 'frame-without-offset' | 'other';

/** An enhanced tag up to its body. */
export interface EnhancedTag {
  readonly packet: EnhancedPacket;
  readonly fourCc: string;
  readonly key: boolean;
  /** 0 where there is only one. */
  readonly trackId: number;
  readonly body: Buffer;
}

const KEY_FRAME = 1;
const COMMAND_FRAME = 5;
const FOURCC_BYTES = 4;
const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;
const MULTITRACK = { audio: 5, video: 6 } as const;
const MOD_EX = 7;
const ONE_TRACK = 0;
const MANY_TRACKS_MANY_CODECS = 2;

/**
 * Reads the header of an enhanced tag (Enhanced RTMP v2, "ExVideoTagHeader" and "ExAudioTagHeader"; v1's is the same without tracks and
 * modifiers). Of several tracks, the one with id 0 is given, or else the first. Null where it is cut short or says nothing of
 * a track: a command to the player.
 */
export function readEnhancedTag(track: 'audio' | 'video', payload: Buffer): EnhancedTag | null {
  const first = payload[0] ?? 0;
  const frameType = track === 'video' ? (first >> 4) & 7 : KEY_FRAME;
  const start = skipModifiers(payload, first & 0x0f);
  if (start === null || frameType === COMMAND_FRAME) return null;
  const key = frameType === KEY_FRAME;
  if (start.packetType === MULTITRACK[track]) return readTracks(track, payload, start.at, key);
  const bodyAt = start.at + FOURCC_BYTES;
  if (bodyAt > payload.length) return null;
  const packet = packetOf(track, start.packetType);
  return { packet, fourCc: fourCcAt(payload, start.at), key, trackId: 0, body: payload.subarray(bodyAt) };
}

/** ModEx: modifiers of a packet (nanoseconds to add to its time, so far), each naming the packet type that follows it. */
function skipModifiers(payload: Buffer, firstType: number): { packetType: number; at: number } | null {
  let at = 1;
  let packetType = firstType;
  while (packetType === MOD_EX) {
    const short = (payload[at] ?? 0) + 1;
    const isLong = short === 256;
    const size = isLong && at + 3 <= payload.length ? payload.readUInt16BE(at + 1) + 1 : short;
    const next = at + (isLong ? 3 : 1) + size;
    if (next >= payload.length) return null;
    packetType = (payload[next] ?? 0) & 0x0f;
    at = next + 1;
  }
  return { packetType, at };
}

function packetOf(track: 'audio' | 'video', packetType: number): EnhancedPacket {
  if (packetType === SEQUENCE_START) return 'config';
  if (packetType === CODED_FRAMES) return 'frame';
  return track === 'video' && packetType === CODED_FRAMES_X ? 'frame-without-offset' : 'other';
}

function readTracks(track: 'audio' | 'video', payload: Buffer, start: number, key: boolean): EnhancedTag | null {
  const kinds = payload[start] ?? 0;
  const multitrack = kinds >> 4;
  const packet = packetOf(track, kinds & 0x0f);
  const shared = multitrack !== MANY_TRACKS_MANY_CODECS;
  let at = start + 1 + (shared ? FOURCC_BYTES : 0);
  let first: EnhancedTag | null = null;
  while (at < payload.length) {
    const head = at + (shared ? 0 : FOURCC_BYTES);
    const bodyAt = head + (multitrack === ONE_TRACK ? 1 : 4);
    if (bodyAt > payload.length) return first;
    const end = multitrack === ONE_TRACK ? payload.length : bodyAt + payload.readUIntBE(head + 1, 3);
    if (end > payload.length) return first;
    const fourCc = fourCcAt(payload, shared ? start + 1 : at);
    const tag = { packet, fourCc, key, trackId: payload[head] ?? 0, body: payload.subarray(bodyAt, end) };
    if (tag.trackId === 0) return tag;
    first ??= tag;
    at = end;
  }
  return first;
}

function fourCcAt(payload: Buffer, at: number): string {
  return payload.toString('latin1', at, at + FOURCC_BYTES).replace(/[^\x20-\x7e]/g, '?');
}
