import { isPassword, isUfrag, readCandidates } from './ice-candidate.js';
import { attribute, attributes, hasFlag, readSdpLines, type SdpLines } from './sdp-lines.js';

export interface OfferedFormat {
  readonly payloadType: number;
  /** Lower case, e.g. `h264`. */
  readonly encoding: string;
  readonly clockRate: number;
  /** As in `a=fmtp`; empty where there is none. */
  readonly parameters: string;
  /** E.g. `nack`, `nack pli`, `goog-remb`. */
  readonly feedback: readonly string[];
}

export interface OfferedSection {
  /** `audio`, `video`, `application`, … */
  readonly kind: string;
  /** The third field of the m-line. */
  readonly protocol: string;
  /** The formats of the m-line, as written. */
  readonly formatList: string;
  readonly mid: string;
  /** Offered to us: to be received, over the one transport of the bundle. */
  readonly usable: boolean;
  readonly formats: readonly OfferedFormat[];
}

/** What a publisher offers, as far as it matters here. Everything in it has been read and is safe to be written again. */
export interface Offer {
  readonly iceUfrag: string;
  readonly icePassword: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  /** What the publisher can be in the DTLS handshake (RFC 5763 §5). */
  readonly setup: 'actpass' | 'active' | 'passive';
  readonly candidates: readonly string[];
  readonly sections: readonly OfferedSection[];
}

export type OfferVerdict =
  | { readonly ok: true; readonly offer: Offer }
  | { readonly ok: false; readonly message: string };

const HASH_BYTES: Readonly<Record<string, number>> = {
  'sha-1': 20,
  'sha-224': 28,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
};
const FORMATS_MAX = 128;

/** Never throws: the text is foreign. The message is for the publisher. */
export function readOffer(text: string): OfferVerdict {
  const lines = readSdpLines(text);
  if (lines === null) return refused('this is no session description (RFC 8866)');
  if (lines.sections.length === 0) return refused('the offer has no media section');
  const sections = lines.sections.map((section) => readSection(section, bundled(lines)));
  if (sections.some((section) => section === null)) return refused('a media section is damaged');
  return readTransport(
    lines,
    sections.flatMap((section) => section ?? []),
  );
}

/** ICE and DTLS belong to the bundle: they stand in its first section, or before all. */
function readTransport(lines: SdpLines, sections: readonly OfferedSection[]): OfferVerdict {
  const first = sections.findIndex((section) => section.usable);
  const places = [...(lines.sections[first] ?? lines.sections[0] ?? []), ...lines.session];
  const iceUfrag = attribute(places, 'ice-ufrag');
  const icePassword = attribute(places, 'ice-pwd');
  if (!isUfrag(iceUfrag) || !isPassword(icePassword)) return refused('ice-ufrag or ice-pwd is missing or damaged');
  const fingerprint = readFingerprint(attributes(places, 'fingerprint'));
  if (fingerprint === null) return refused('there is no certificate fingerprint that can be used');
  const setup = attribute(places, 'setup') ?? 'actpass';
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') return refused('a=setup is damaged');
  const candidates = readCandidates(lines.sections.flatMap((section) => attributes(section, 'candidate')));
  return { ok: true, offer: { iceUfrag, icePassword, fingerprint, setup, candidates, sections } };
}

function readFingerprint(values: readonly string[]): Offer['fingerprint'] | null {
  for (const value of values) {
    const [algorithm = '', hash = ''] = value.toLowerCase().split(' ');
    const bytes = HASH_BYTES[algorithm];
    const hex = hash.split(':');
    if (bytes !== hex.length || !hex.every((pair) => /^[0-9a-f]{2}$/.test(pair))) continue;
    return { algorithm, value: hash.toUpperCase() };
  }
  return null;
}

/** The identifiers of the sections that share one transport (RFC 8843 §7.2); null where nothing is bundled. */
function bundled({ session }: SdpLines): ReadonlySet<string> | null {
  const group = attributes(session, 'group').find((value) => value.startsWith('BUNDLE '));
  return group === undefined ? null : new Set(group.split(' ').slice(1));
}

function readSection(lines: readonly string[], bundle: ReadonlySet<string> | null): OfferedSection | null {
  const match = /^m=([a-z]{1,20}) (\d{1,5}) ([A-Za-z0-9/]{1,40}) ([A-Za-z0-9 -]{1,1000})$/.exec(lines[0] ?? '');
  if (match === null) return null;
  const [, kind = '', port, protocol = '', formatList = ''] = match;
  const mid = attribute(lines, 'mid') ?? '';
  if (!/^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{0,32}$/.test(mid)) return null;
  const sends = !hasFlag(lines, 'recvonly') && !hasFlag(lines, 'inactive');
  // A bundle's later sections have port 0 with `bundle-only` (RFC 8843 §6).
  const open = port !== '0' || hasFlag(lines, 'bundle-only');
  const together = bundle?.has(mid) ?? false;
  const usable = sends && open && together && hasFlag(lines, 'rtcp-mux') && protocol === 'UDP/TLS/RTP/SAVPF';
  const media = kind === 'audio' || kind === 'video';
  const formats = media ? readFormats(lines, formatList.split(' ')) : [];
  return { kind, protocol, formatList, mid, usable, formats };
}

function readFormats(lines: readonly string[], list: readonly string[]): OfferedFormat[] {
  const of = (name: string, payloadType: string) =>
    attributes(lines, name).flatMap((value) =>
      value.startsWith(`${payloadType} `) ? value.slice(payloadType.length + 1) : [],
    );
  return list.slice(0, FORMATS_MAX).flatMap((text) => {
    const map = /^([A-Za-z0-9-]{1,32})\/(\d{1,6})(?:\/\d)?$/.exec(of('rtpmap', text)[0] ?? '');
    // Types of 64 to 95 would look like RTCP on a shared transport (RFC 5761 §4).
    if (map === null || !/^\d{1,3}$/.test(text) || Number(text) > 127 || (Number(text) > 63 && Number(text) < 96))
      return [];
    const parameters = of('fmtp', text)[0] ?? '';
    return [
      {
        payloadType: Number(text),
        encoding: (map[1] ?? '').toLowerCase(),
        clockRate: Number(map[2]),
        parameters: /^[\x20-\x7e]{0,512}$/.test(parameters) ? parameters : '',
        feedback: [...of('rtcp-fb', text), ...of('rtcp-fb', '*')],
      },
    ];
  });
}

function refused(message: string): OfferVerdict {
  return { ok: false, message };
}
