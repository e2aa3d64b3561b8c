import type { AgreedSection, Agreement } from './agreement.js';
import { isPassword, isUfrag, readCandidates } from './ice-candidate.js';
import type { Offer, OfferedSection } from './offer.js';
import { attribute, attributes, readSdpLines } from './sdp-lines.js';

/** Our side of the transport, as the library that runs it says. */
export interface LocalTransport {
  readonly iceUfrag: string;
  readonly icePassword: string;
  /** `algorithm value`. */
  readonly fingerprint: string;
  readonly setup: string;
  readonly candidates: readonly string[];
}

/** Feedback that we send. */
const FEEDBACK = ['nack', 'nack pli', 'goog-remb'];

/**
 * The offer that the library is given: ours, with nothing of the publisher's but its checked ICE and DTLS parameters.
 *
 * It has one section only. The library hands packets to sections by the sources that a description announces, and
 * publishers need not announce any; with one section it hands everything to that one.
 */
export function writeTransportOffer(offer: Offer): string {
  return sdp([
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendonly',
    'a=rtcp-mux',
    'a=rtpmap:96 H264/90000',
    // The publisher begins the handshake wherever it can: it knows first that there is a path (RFC 9725 §4.4).
    `a=setup:${offer.setup === 'passive' ? 'passive' : 'active'}`,
    `a=ice-ufrag:${offer.iceUfrag}`,
    `a=ice-pwd:${offer.icePassword}`,
    'a=ice-options:trickle',
    `a=fingerprint:${offer.fingerprint.algorithm} ${offer.fingerprint.value}`,
    ...offer.candidates.map((candidate) => `a=${candidate}`),
  ]);
}

/** Reads the library's answer; null where it is none. */
export function readLocalTransport(text: string): LocalTransport | null {
  const lines = readSdpLines(text);
  if (lines === null) return null;
  const all = [...lines.sections.flat(), ...lines.session];
  const iceUfrag = attribute(all, 'ice-ufrag');
  const icePassword = attribute(all, 'ice-pwd');
  const fingerprint = attribute(all, 'fingerprint');
  if (!isUfrag(iceUfrag) || !isPassword(icePassword) || fingerprint === null) return null;
  const setup = attribute(all, 'setup') ?? 'passive';
  return { iceUfrag, icePassword, fingerprint, setup, candidates: readCandidates(attributes(all, 'candidate')) };
}

/** Candidates for addresses under which the box is reached but which it does not have itself (behind a NAT). */
export function publicCandidates(addresses: readonly string[], port: number): string[] {
  // Preferred in the order given (RFC 8445 §5.1.2.1), above those that the box found itself.
  return addresses.map(
    (address, index) =>
      `candidate:p${index} 1 UDP ${126 * 2 ** 24 + (65_535 - index) * 256 + 255} ${address} ${port} typ host`,
  );
}

/** The answer for the publisher (RFC 3264 §6): one format a section, and nothing that we would not use. */
export function writeAnswer(offer: Offer, agreement: Agreement, local: LocalTransport, sessionId: string): string {
  const accepted = [agreement.video, agreement.audio];
  const bundle = offer.sections.filter((_, index) => accepted.some((section) => section?.index === index));
  return sdp([
    'v=0',
    `o=- ${sessionId} 1 IN IP4 0.0.0.0`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${bundle.map(({ mid }) => mid).join(' ')}`,
    'a=msid-semantic: WMS *',
    ...offer.sections.flatMap((section, index) => {
      const agreed = accepted.find((candidate) => candidate?.index === index) ?? null;
      return agreed === null ? rejected(section) : acceptedLines(section, agreed, local, section === bundle[0]);
    }),
  ]);
}

function acceptedLines(
  section: OfferedSection,
  { format, retransmission }: AgreedSection,
  local: LocalTransport,
  first: boolean,
): string[] {
  const formats = [format, ...(retransmission === null ? [] : [retransmission])];
  return [
    `m=${section.kind} 9 ${section.protocol} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${section.mid}`,
    'a=recvonly',
    'a=rtcp-mux',
    `a=ice-ufrag:${local.iceUfrag}`,
    `a=ice-pwd:${local.icePassword}`,
    'a=ice-options:trickle',
    `a=fingerprint:${local.fingerprint}`,
    `a=setup:${local.setup}`,
    ...formats.flatMap((one) => formatLines(section, one.payloadType)),
    // What holds for the transport stands in the bundle's first section alone (RFC 8843 §7.3).
    ...(first ? [...local.candidates.map((candidate) => `a=${candidate}`), 'a=end-of-candidates'] : []),
  ];
}

function formatLines({ kind, formats }: OfferedSection, payloadType: number): string[] {
  const format = formats.find((one) => one.payloadType === payloadType);
  if (format === undefined) return [];
  const { encoding, clockRate, feedback } = format;
  const channels = encoding === 'opus' ? '/2' : '';
  const parameters = encoding === 'opus' ? stereo(format.parameters) : format.parameters;
  const name = encoding === 'h264' || encoding === 'vp8' ? encoding.toUpperCase() : encoding;
  const wanted = kind === 'video' ? FEEDBACK : ['nack'];
  return [
    `a=rtpmap:${payloadType} ${name}/${clockRate}${channels}`,
    ...wanted.filter((one) => feedback.includes(one)).map((one) => `a=rtcp-fb:${payloadType} ${one}`),
    ...(parameters === '' ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
  ];
}

/** Asks for stereo at a rate for music (RFC 7587 §6.1); left to itself a browser sends mono for speech. */
function stereo(offered: string): string {
  const kept = offered.split(';').filter((parameter) => /^\s*(minptime|useinbandfec)=/.test(parameter));
  return [...kept, 'stereo=1', 'maxaveragebitrate=128000'].join(';');
}

function rejected({ kind, protocol, formatList, mid }: OfferedSection): string[] {
  return [
    `m=${kind} 0 ${protocol} ${formatList}`,
    'c=IN IP4 0.0.0.0',
    ...(mid === '' ? [] : [`a=mid:${mid}`]),
    'a=inactive',
  ];
}

const sdp = (lines: readonly string[]): string => `${lines.join('\r\n')}\r\n`;
