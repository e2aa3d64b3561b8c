import { setTimeout as sleep } from 'node:timers/promises';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import { type RecordedCall, SrtCaller } from './srt-caller.js';

/** What malicious callers do to an SRT port, each with a recorded call of an honest one to begin from. */

const BURST = 25;
const ANSWER_MS = 300;
const HEADER_BYTES = 16;
const PAYLOAD_BYTES_MAX = 1316;
const SHUTDOWN = Buffer.concat([Buffer.from([0x80, 5]), Buffer.alloc(18)]);
/** draft-sharabayko-srt §3.2.1: version, flags, sequence number, packet size, window, type, socket; the blocks behind. */
const HANDSHAKE_FIELDS = [16, 20, 22, 24, 28, 32, 36, 40, 64, 66, 68, 72, 76, 80, 82];
/** §3.1: sequence number, flags and message number, time. */
const DATA_FIELDS = [0, 4, 8];
const EDGES = [0, 1, 2, 31, 32, 44, 64, 299, 300, 1500, 8192, 262_144, 0x3fffffff, 0x40000000, 0x7fff0000, 0x7fffffff];
const FORGERIES = 60;
const SEQUENCE_AT = 24;
/** Where connections' sequence numbers may begin, besides anywhere: at their end, and where they are dropped or cut short. */
const BEGINNINGS = [0, 0x7ffffff0, 0x7fffbf00, 0x7ffefff0];
/** The header of a key refresh. */
const NEW_KEY = Buffer.from('ffff0003000000000000000000000000', 'hex');

/** Datagrams that follow no order. */
export async function sendDatagrams(random: Random, port: number, packets: readonly Buffer[]): Promise<boolean> {
  const caller = await SrtCaller.open(port);
  for (let sent = 0; sent < BURST; sent++) caller.send(mutate(random, random.pick(packets), { others: packets }));
  await sleep(1);
  caller.close();
  return caller.connected;
}

/** Handshakes with the cookie that they have to have, and anything else. */
export async function shakeHands(random: Random, port: number, calls: readonly RecordedCall[]): Promise<boolean> {
  const caller = await SrtCaller.open(port);
  caller.sendHandshake(random.pick(calls).induction);
  await caller.hear(ANSWER_MS);
  for (let sent = 0; sent < BURST; sent++) {
    const packet = withOtherKey(random, random.pick(calls).conclusion);
    for (let changes = random.below(4); changes > 0; changes--) setField(random, packet, HANDSHAKE_FIELDS);
    caller.sendHandshake(random.once(2) ? packet : mutate(random, packet, { others: [packet] }));
  }
  await caller.hear(20);
  caller.sendOn(SHUTDOWN);
  caller.close();
  return caller.connected;
}

/** A whole handshake, and then changed payloads: what our own process reads. */
export async function sendMedia(random: Random, port: number, call: RecordedCall): Promise<boolean> {
  const caller = await callIn(random, port, call);
  for (const packet of call.data.slice(0, 30)) {
    caller.sendOn(random.once(3) ? packet : withOtherPayload(random, packet));
  }
  await goAway(random, caller);
  return caller.connected;
}

/** On a connection of its own: packets of every kind, with numbers that make no sense; and from elsewhere, to the same. */
export async function forge(random: Random, port: number, call: RecordedCall): Promise<boolean> {
  const begin = random.pick([sequenceOf(call.conclusion), ...BEGINNINGS]);
  const [caller, stranger] = await Promise.all([callIn(random, port, call, begin), SrtCaller.open(port)]);
  stranger.takeFor(caller);
  for (let sent = 0; sent < FORGERIES; sent++) {
    const from = random.once(10) ? stranger : caller;
    from.sendOn(random.once(2) ? forgedData(random, call, begin) : forgedControl(random, call, begin));
    // What is too late is dropped by other rules than what comes at once.
    if (random.once(30)) await sleep(random.below(300));
  }
  stranger.close();
  await goAway(random, caller);
  return caller.connected;
}

async function callIn(
  random: Random,
  port: number,
  { induction, conclusion }: RecordedCall,
  begin = sequenceOf(conclusion),
): Promise<SrtCaller> {
  const caller = await SrtCaller.open(port);
  caller.sendHandshake(induction);
  await caller.hear(ANSWER_MS);
  const packet = withOtherKey(random, conclusion);
  packet.writeUInt32BE(begin, SEQUENCE_AT);
  caller.sendHandshake(packet);
  await caller.hear(ANSWER_MS);
  return caller;
}

async function goAway(random: Random, caller: SrtCaller): Promise<void> {
  if (!random.once(8)) caller.sendOn(SHUTDOWN);
  await sleep(1);
  caller.close();
}

const sequenceOf = (conclusion: Buffer) => conclusion.readUInt32BE(SEQUENCE_AT);

function forgedData(random: Random, { data }: RecordedCall, begin: number): Buffer {
  const packet = Buffer.from(random.pick(data));
  const ahead = random.once(2) ? random.below(30) : random.pick([50, 300, 8000, 8191, 8192, 16_384, 17_000, 30_000]);
  packet.writeUInt32BE((begin + ahead) % 2 ** 31, 0);
  if (random.once(3)) packet.writeUInt32BE(random.next(), 8);
  if (random.once(4)) setField(random, packet, DATA_FIELDS);
  return random.once(4) ? packet.subarray(0, HEADER_BYTES + random.below(40)) : packet;
}

/** Sequence numbers near the connection's, in pairs and rows, as drop requests, acknowledgements and loss reports have them. */
function forgedControl(random: Random, { conclusion }: RecordedCall, begin: number): Buffer {
  // The last block of a caller with a passphrase is its key.
  if (random.once(4)) return Buffer.concat([NEW_KEY, mutate(random, conclusion.subarray(-72))]);
  const packet = Buffer.alloc(HEADER_BYTES + 4 * random.below(12));
  packet.writeUInt16BE(0x8000 | random.pick([0, 1, 2, 3, 4, 6, 7, 8, 9, 0x7fff]));
  packet.writeUInt16BE(random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8]), 2);
  packet.writeUInt32BE(random.pick([...EDGES, random.next()]), 4);
  for (let at = HEADER_BYTES; at < packet.length; at += 4) {
    const near = begin + random.below(20_000) - 5000;
    packet.writeUInt32BE(random.pick([near >>> 0, (near | (2 ** 31)) >>> 0, ...EDGES, random.next()]), at);
  }
  return packet;
}

function setField(random: Random, packet: Buffer, fields: readonly number[]): void {
  const at = random.pick(fields);
  const value = random.once(2) ? random.pick(EDGES) : random.next();
  if (at + 4 > packet.length) return;
  if (random.once(3)) packet.writeUInt16BE(value & 0xffff, at);
  else packet.writeUInt32BE(value, at);
}

function withOtherPayload(random: Random, packet: Buffer): Buffer {
  const payload = mutate(random, packet.subarray(HEADER_BYTES), { stride: 188 });
  return Buffer.concat([packet.subarray(0, HEADER_BYTES), payload.subarray(0, PAYLOAD_BYTES_MAX)]);
}

/** `key-` in a stream id extension, backwards; behind it the channel's four letters, backwards too. */
const KEY_PREFIX = Buffer.from('-yek');
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** One of many channels, so that the one before doesn't stand in the way. */
function withOtherKey(random: Random, conclusion: Buffer): Buffer {
  const packet = Buffer.from(conclusion);
  const at = packet.indexOf(KEY_PREFIX);
  if (at === -1) throw new Error('the recorded call has no stream id');
  for (const place of [4, 5]) packet[at + place] = LETTERS.charCodeAt(random.below(LETTERS.length));
  return packet;
}

/** The channels' names that may come of the one that was recorded: its last two letters become any others. */
export function channelsLike(name: string): string[] {
  return [...LETTERS].flatMap((third) => [...LETTERS].map((fourth) => name.slice(0, 2) + third + fourth));
}
