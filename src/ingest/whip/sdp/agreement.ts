import type { MediaAgreement } from '../rtp/media-session.js';
import type { Offer, OfferedFormat, OfferedSection } from './offer.js';

/** One accepted media section: one format, and with video perhaps its retransmissions. */
export interface AgreedSection {
  readonly index: number;
  readonly format: OfferedFormat;
  readonly retransmission: OfferedFormat | null;
}

export interface Agreement {
  readonly video: AgreedSection | null;
  readonly audio: AgreedSection | null;
}

/** What is taken of an offer: the first section of each kind that has a format for us; null where none has. */
export function agree(offer: Offer): Agreement | null {
  const video = firstOf(offer, 'video', chooseVideo);
  const audio = firstOf(offer, 'audio', chooseAudio);
  if (video === null && audio === null) return null;
  // Packets are told apart by payload type, which within a bundle is one section's alone (RFC 8843 §9.2).
  const types = [video?.format, video?.retransmission, audio?.format].flatMap((format) => format?.payloadType ?? []);
  return new Set(types).size === types.length ? { video, audio } : null;
}

/** The same in the words of the media session. */
export function mediaAgreement({ video, audio }: Agreement): MediaAgreement {
  return {
    video: video && {
      codec: video.format.encoding === 'vp8' ? 'vp8' : 'h264',
      payloadType: video.format.payloadType,
      retransmissionType: video.retransmission?.payloadType ?? null,
      nack: video.format.feedback.includes('nack'),
    },
    audio: audio && { payloadType: audio.format.payloadType, nack: audio.format.feedback.includes('nack') },
  };
}

function firstOf(
  { sections }: Offer,
  kind: 'video' | 'audio',
  choose: (section: OfferedSection) => Omit<AgreedSection, 'index'> | null,
): AgreedSection | null {
  for (const [index, section] of sections.entries()) {
    const chosen = section.kind === kind && section.usable ? choose(section) : null;
    if (chosen !== null) return { index, ...chosen };
  }
  return null;
}

/** H.264 before VP8, as more of the box can use it; the profile that everybody can send before the publisher's own order. */
function chooseVideo({ formats }: OfferedSection): Omit<AgreedSection, 'index'> | null {
  const h264 = formats.filter(({ encoding, clockRate, parameters }) => {
    return encoding === 'h264' && clockRate === 90_000 && /(^|;)\s*packetization-mode=1\s*(;|$)/.test(parameters);
  });
  const baseline = h264.find(({ parameters }) => /profile-level-id=42[c-f]0/i.test(parameters));
  const vp8 = formats.find(({ encoding, clockRate }) => encoding === 'vp8' && clockRate === 90_000);
  const format = baseline ?? h264[0] ?? vp8;
  return format === undefined ? null : { format, retransmission: retransmissionOf(format, formats) };
}

function chooseAudio({ formats }: OfferedSection): Omit<AgreedSection, 'index'> | null {
  const format = formats.find(({ encoding, clockRate }) => encoding === 'opus' && clockRate === 48_000);
  return format === undefined ? null : { format, retransmission: null };
}

/** RFC 4588 §8.1: `apt` names the type that is sent again. */
function retransmissionOf({ payloadType }: OfferedFormat, formats: readonly OfferedFormat[]): OfferedFormat | null {
  const apt = new RegExp(`(^|;)\\s*apt=${payloadType}\\s*(;|$)`);
  return formats.find(({ encoding, parameters }) => encoding === 'rtx' && apt.test(parameters)) ?? null;
}
