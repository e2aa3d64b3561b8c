/** What a channel's owner has set for it; null: as the box's configuration says. */
export interface ChannelSettings {
  /** The name of a ladder preset. */
  readonly preset: string | null;
  /** Seconds for which a publisher who left may come back and continue the broadcast; 0 ends it at once. */
  readonly graceSec: number | null;
  /** What viewers get meanwhile: a picture that says so, or nothing new. */
  readonly onLoss: 'slate' | 'hold' | null;
  /** SRT publishers must encrypt with this, 10 to 79 characters. Null: they need not encrypt. */
  readonly srtPassphrase: string | null;
  /** Seconds that viewers may go back while it is live; 0: not at all. */
  readonly dvrSec: number | null;
  /** Whether a broadcast becomes a video when it is over. */
  readonly archive: boolean | null;
}

/** libsrt takes passphrases of 10 to 79 bytes; printable ASCII is what every encoder can be given. */
export const SRT_PASSPHRASE = /^[\x20-\x7e]{10,79}$/;

/** The names that presets may have. */
export const PRESET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

export const GRACE_SEC_MAX = 3600;

/** A day. */
export const DVR_SEC_MAX = 86_400;

export const DEFAULT_CHANNEL_SETTINGS: ChannelSettings = {
  preset: null,
  graceSec: null,
  onLoss: null,
  srtPassphrase: null,
  dvrSec: null,
  archive: null,
};
