import { readFileSync } from 'node:fs';

/** What a real Chromium sent: its offers, and the first three seconds of RTP and RTCP after the connection stood. */
export function recordedOffer(name: 'chromium-h264' | 'chromium-vp8'): string {
  return readFileSync(new URL(`./recorded/${name}.sdp`, import.meta.url), 'utf8');
}

export interface RecordedPacket {
  readonly atMs: number;
  readonly bytes: Buffer;
}

/** Blocks of 4 bytes of time (ms), 2 bytes of length, and the packet. */
export function recordedPackets(name: 'chromium-h264' | 'chromium-vp8'): RecordedPacket[] {
  const file = readFileSync(new URL(`./recorded/${name}.rtp`, import.meta.url));
  const packets: RecordedPacket[] = [];
  for (let at = 0; at < file.length; ) {
    const end = at + 6 + file.readUInt16BE(at + 4);
    packets.push({ atMs: file.readUInt32BE(at), bytes: file.subarray(at + 6, end) });
    at = end;
  }
  return packets;
}
