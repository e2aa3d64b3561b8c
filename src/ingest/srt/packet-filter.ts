import {
  add,
  addIndex,
  and,
  drop,
  dropIf,
  dropUnless,
  half,
  halfAtIndex,
  type Instruction,
  index,
  indexFromMemory,
  length,
  pass,
  passIf,
  shiftLeft,
  store,
  when,
  word,
} from './bpf.js';

/**
 * What an SRT port has to hear, of all that may be sent to it: a caller's handshake, and what a publisher says on its
 * connection. The kernel drops the rest before libsrt sees it, because libsrt (1.5.1, which Debian 12 has) believes more than
 * it should. Each rule says what happens without it. Numbers of sections: draft-sharabayko-srt-01.
 */

/** Offsets count from the UDP header on. */
const SRT = 8;
const PAYLOAD = SRT + 16;
/** §3.1, §3.2: where the header's fields stand. The first half of a control packet is its type, the second its subtype. */
const AT = { first: SRT, subtype: SRT + 2, second: SRT + 4, destination: SRT + 12 } as const;
/** §3.2.1, the handshake's fields. */
const HANDSHAKE = {
  version: PAYLOAD,
  extensionFlags: PAYLOAD + 6,
  sequence: PAYLOAD + 8,
  packetSize: PAYLOAD + 12,
  window: PAYLOAD + 16,
  type: PAYLOAD + 20,
  caller: PAYLOAD + 24,
  extensions: PAYLOAD + 48,
} as const;
/** §3.2, table 1, with the bit that makes it a control packet. */
const CONTROL = {
  handshake: 0x8000,
  keepAlive: 0x8001,
  shutdown: 0x8005,
  ackAck: 0x8006,
  userDefined: 0xffff,
} as const;
const INDUCTION = 1;
const CONCLUSION = 0xffffffff;
/** §3.2.1.1 and what libsrt knows beside: the kinds of extension blocks. */
const EXTENSION = { none: 0, agreement: 1, agreed: 2, key: 3, keyTaken: 4, errorCorrection: 7 } as const;
const BLOCKS_MAX = 8;
/** Key material (§3.2.2): header, salt, two wrapped keys of 32 bytes. */
const KEY_BYTES_MAX = 16 + 16 + 2 * 32 + 8;
/** Numbers of sockets; above are groups', which nobody connects to here. */
const SOCKETS_END = 2 ** 30;
/** Ethernet's packet, less the headers of IPv4 and UDP. */
const DATAGRAM_BYTES_MAX = 1472;
/** Room for our answer with key material, and for one packet of MPEG-TS. */
const PACKET_SIZE_MIN = 300;
const WINDOW_MIN = 32;
/** Packets; libsrt's own default is 8192. */
const WINDOW_MAX = 262_144;
/** The last 16,384 of the sequence numbers, which has to be more than the receiver's buffer holds (8192). */
const LAST_SEQUENCES = 0x7fffc000;

/** Every connection is ended before its sequence numbers come this near to their end: this is the first that is dropped. */
export const SEQUENCE_END = LAST_SEQUENCES;

const toAConnection = [
  word(AT.destination),
  // 0 is the listener, which wants handshakes alone.
  ...dropIf({ is: 0 }),
  ...dropIf({ atLeast: SOCKETS_END }),
];

const data = [
  ...toAConnection,
  length,
  // An empty message is read as an error.
  ...dropUnless({ above: PAYLOAD }),
  ...dropIf({ above: SRT + DATAGRAM_BYTES_MAX }),
  word(AT.second),
  // One message is one packet in live mode. A message of several that never ends is looked for again and again.
  and(0xc0000000),
  ...dropUnless({ is: 0xc0000000 }),
  word(AT.second),
  // Data is encrypted with the even key or with the odd one.
  and(0x18000000),
  ...dropIf({ is: 0x18000000 }),
  word(AT.first),
  // A gap that ends where the numbers begin again has the list of losses walked without end, and the whole port waits.
  and(LAST_SEQUENCES),
  ...dropIf({ is: LAST_SEQUENCES }),
  pass,
];

/** One block after the other, each from where the index is. */
const extensionBlock = [
  halfAtIndex(2),
  shiftLeft(2),
  add(4),
  addIndex,
  store,
  halfAtIndex(0),
  // Blocks behind one of no kind are not looked at by everybody.
  ...dropIf({ is: EXTENSION.none }),
  // What a listener says, and never hears.
  ...dropIf({ is: EXTENSION.agreed }),
  ...dropIf({ is: EXTENSION.keyTaken }),
  // Forward error correction: as large as the caller likes, and rebuilt from what it says.
  ...dropIf({ is: EXTENSION.errorCorrection }),
  ...when({ is: EXTENSION.key }, [
    halfAtIndex(2),
    // More is copied over libsrt's stack (CVE-2026-55869).
    ...dropIf({ above: KEY_BYTES_MAX / 4 }),
  ]),
  indexFromMemory,
  length,
  ...dropUnless('is at least the index'),
  ...passIf('is the index'),
];

const handshake = [
  word(AT.destination),
  // To a connection that stands, a handshake would be read all over again.
  ...dropUnless({ is: 0 }),
  length,
  ...dropUnless({ atLeast: HANDSHAKE.extensions }),
  word(HANDSHAKE.type),
  ...passIf({ is: INDUCTION }),
  // Every other type is taken for a conclusion.
  ...dropUnless({ is: CONCLUSION }),
  word(HANDSHAKE.version),
  // Version 4 has no stream id: nobody could publish.
  ...dropUnless({ is: 5 }),
  word(HANDSHAKE.sequence),
  // As with data: who begins that near to the end may begin behind it. An honest caller, whose number is any, may be
  // among them, once in 131,072 calls, and takes another when it calls again.
  and(LAST_SEQUENCES),
  ...dropIf({ is: LAST_SEQUENCES }),
  word(HANDSHAKE.packetSize),
  // The answer is written into a buffer of this size, and behind it.
  ...dropUnless({ atLeast: PACKET_SIZE_MIN }),
  word(HANDSHAKE.window),
  // A list of twice the length is made at once: gigabytes.
  ...dropUnless({ atLeast: WINDOW_MIN }),
  ...dropIf({ above: WINDOW_MAX }),
  word(HANDSHAKE.caller),
  ...dropIf({ is: 0 }),
  half(HANDSHAKE.extensionFlags),
  // Without an agreement about times the receiver sorts messages by other rules, with other loops.
  ...dropUnless({ anyOf: 1 }),
  half(HANDSHAKE.extensions),
  ...dropUnless({ is: EXTENSION.agreement }),
  half(HANDSHAKE.extensions + 2),
  ...dropUnless({ atLeast: 3 }),
  word(HANDSHAKE.extensions + 8),
  // Sends with times, or declares a stream, for which libsrt has an answer: it is turned away.
  ...dropUnless({ anyOf: 0x41 }),
  index(HANDSHAKE.extensions),
  ...Array.from({ length: BLOCKS_MAX }, () => extensionBlock).flat(),
  drop,
];

const keyRefresh = [
  half(AT.subtype),
  // Other subtypes are handshakes of version 4, in the middle of a connection.
  ...dropUnless({ is: EXTENSION.key }),
  length,
  ...dropIf({ above: PAYLOAD + KEY_BYTES_MAX }),
  pass,
];

/**
 * Publishers send data, and we none: so acknowledgements, loss reports, warnings and errors (types 2, 3, 4, 8) are about
 * nothing. A request to drop messages (7) is not needed by a receiver that drops by itself what is too late; one with a large
 * range is walked number by number, and one beyond what has come breaks the list of losses.
 */
const control = [
  half(AT.first),
  ...when({ is: CONTROL.handshake }, handshake),
  ...toAConnection,
  half(AT.first),
  ...passIf({ is: CONTROL.keepAlive }),
  ...passIf({ is: CONTROL.shutdown }),
  ...passIf({ is: CONTROL.ackAck }),
  ...when({ is: CONTROL.userDefined }, keyRefresh),
  drop,
];

export const SRT_PACKET_FILTER: readonly Instruction[] = [
  length,
  ...dropUnless({ atLeast: PAYLOAD }),
  half(AT.first),
  ...when({ anyOf: 0x8000 }, control),
  ...data,
];
