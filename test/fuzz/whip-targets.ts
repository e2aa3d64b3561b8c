import { recordedOffer, recordedPackets } from '../../src/ingest/whip/recorded.fixture.js';
import { type MediaAgreement, MediaSession } from '../../src/ingest/whip/rtp/media-session.js';
import { agree, mediaAgreement } from '../../src/ingest/whip/sdp/agreement.js';
import { readLocalTransport, writeAnswer, writeTransportOffer } from '../../src/ingest/whip/sdp/answer.js';
import { readIceFragment } from '../../src/ingest/whip/sdp/ice-fragment.js';
import { readOffer } from '../../src/ingest/whip/sdp/offer.js';
import { mustBeBelievable } from './codec-targets.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import { FRAGMENTS, LOCAL_ANSWER, OFFERS } from './whip-texts.js';

interface RtpRecording {
  readonly agreement: MediaAgreement;
  readonly packets: readonly Buffer[];
}

/** Reports, feedback and probes may answer each packet, and each tick. */
const ANSWER_BYTES_MAX = 2000;

/** What a WHIP publisher sends: descriptions, and packets. */
export function whipTargets(): FuzzTarget[] {
  const recordings = [readRecording('chromium-h264'), readRecording('chromium-vp8')];
  const offers = OFFERS.map((offer) => Buffer.from(offer));
  const fragments = FRAGMENTS.map((fragment) => Buffer.from(fragment));
  return [
    {
      name: 'SDP offers',
      share: 12,
      attempt: (random) => takeOffer(mutate(random, random.pick(offers), { others: offers })),
    },
    {
      name: 'ICE fragments',
      share: 6,
      attempt(random) {
        const text = mutate(random, random.pick(fragments), { others: [...fragments, ...offers] }).toString();
        const fragment = readIceFragment(text);
        for (const candidate of fragment?.candidates ?? []) mustBeLines(candidate);
        return fragment !== null;
      },
    },
    { name: 'RTP sessions', share: 10, attempt: (random) => takePackets(random, random.pick(recordings)) },
  ];
}

function readRecording(name: 'chromium-h264' | 'chromium-vp8'): RtpRecording {
  const read = readOffer(recordedOffer(name));
  const agreement = read.ok ? agree(read.offer) : null;
  if (agreement === null) throw new Error(`the recorded offer ${name} is refused`);
  return { agreement: mediaAgreement(agreement), packets: recordedPackets(name).map(({ bytes }) => bytes) };
}

function takeOffer(bytes: Buffer): boolean {
  const read = readOffer(bytes.toString());
  if (!read.ok) return false;
  const agreement = agree(read.offer);
  mustBeLines(writeTransportOffer(read.offer));
  const local = readLocalTransport(LOCAL_ANSWER);
  if (local === null) throw new Error('the local answer is unreadable');
  if (agreement === null) return false;
  mediaAgreement(agreement);
  mustBeLines(writeAnswer(read.offer, agreement, local, '1'));
  return true;
}

/** What we write of foreign text must be lines of our own making still. */
function mustBeLines(text: string): void {
  for (const line of text.split('\r\n')) {
    if (/[^\x20-\x7e]/.test(line)) throw new Error(`foreign letters in what we write: ${JSON.stringify(line)}`);
  }
}

function takePackets(random: Random, { agreement, packets }: RtpRecording): boolean {
  let [frames, received, handedOut, answered, nowMs] = [0, 0, 0, 0, 1000];
  const session = new MediaSession({
    agreement,
    bitrateMaxBps: 5_000_000,
    send: (bytes) => {
      answered += bytes.length;
    },
    onConfig: (config) => mustBeBelievable(config),
    onFrame: (frame) => {
      frames++;
      handedOut += frame.data.length;
      if (!Number.isFinite(frame.dts)) throw new Error('a frame without a time');
    },
  });
  const retransmission = agreement.video?.retransmissionType ?? 0;
  for (const packet of mutatePackets(random, somePackets(random, packets), retransmission)) {
    nowMs += random.once(40) ? random.below(3000) : random.below(8);
    received += packet.length;
    session.packet(packet, nowMs);
    if (random.once(4)) session.tick(nowMs);
  }
  if (handedOut > 3 * received) throw new Error(`${handedOut} bytes of frames out of ${received}`);
  if (answered > ANSWER_BYTES_MAX * packets.length) throw new Error(`${answered} bytes of answers to ${received}`);
  return frames > 0;
}

/** From the beginning, or joined later. */
function somePackets(random: Random, packets: readonly Buffer[]): readonly Buffer[] {
  const from = random.once(2) ? 0 : random.below(packets.length);
  return packets.slice(from, from + 100);
}

/** Packets changed, lost, doubled, late, and from other sources. */
function mutatePackets(random: Random, packets: readonly Buffer[], retransmission: number): Buffer[] {
  const sent: Buffer[] = [];
  for (const packet of packets) {
    const luck = random.below(40);
    if (luck === 0) continue;
    if (luck === 1) sent.push(packet);
    sent.push(luck < 6 ? mutate(random, packet, { others: packets, changesMax: 3 }) : packet);
    if (luck === 7) sent.splice(random.below(sent.length), 0, ...sent.splice(random.below(sent.length), 1));
    if (luck === 8) sent.push(random.bytes(random.below(80)));
    if (luck === 9) sent.push(retransmitted(random.pick(packets), retransmission));
  }
  return sent;
}

/** RFC 4588: a stream of its own, the original number before the payload. */
function retransmitted(packet: Buffer, payloadType: number): Buffer {
  const head = Buffer.from(packet.subarray(0, 12));
  head[1] = ((head[1] ?? 0) & 0x80) | payloadType;
  head.writeUInt32BE(777, 8);
  return Buffer.concat([head, packet.subarray(2, 4), packet.subarray(12)]);
}
