import type { Command } from 'commander';
import { type ChannelSettings, DVR_SEC_MAX, GRACE_SEC_MAX, SRT_PASSPHRASE } from '../../media/channel-settings.js';
import { Failure } from '../../telemetry/failure.js';
import { type Channel, describeChannel } from '../channel-text.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

interface SetOptions extends BoxOptions {
  readonly preset?: string;
  readonly grace?: string;
  readonly onLoss?: string;
  readonly srtPassphrase?: string;
  readonly dvr?: string;
  readonly archive?: string;
}

const onAir =
  'The broadcast that is on air goes on as it is; the next one takes the change, and the next SRT connection its passphrase.';
/** The same in an address, escaped or not. */
const PLAIN = /^[A-Za-z0-9._~-]+$/;
const notPlain =
  'In an address this passphrase is escaped, which ffmpeg and OBS do not undo: give it to them as a field of its own, or choose letters and digits.';

/** `channel set`: every option changes one setting, `default` gives it back to the box. */
export function addChannelSet(channel: Command): void {
  withBoxOptions(channel.command('set <name>'))
    .description('change settings of a channel, from its next broadcast on; `default` gives one back to the box')
    .option('--preset <preset>', 'the ladder: a name under `presets` in the configuration')
    .option('--grace <seconds>', 'for how long a publisher who left may come back and go on, 0 to 3600')
    .option('--on-loss <slate|hold>', 'what viewers get meanwhile: a picture that says so, or nothing new')
    .option('--srt-passphrase <passphrase|none>', 'what SRT publishers must encrypt with, 10 to 79 characters')
    .option('--dvr <seconds>', 'how far viewers may go back while it is live, 0 to 86400')
    .option('--archive <on|off>', 'whether a broadcast becomes a video when it is over')
    .action(async (name: string, options: SetOptions) => {
      const settings = readSettings(options);
      const { api, output } = openBox(options);
      const found = await api.patch<Channel>(`/v1/channels/${encodeURIComponent(name)}`, settings);
      if (found.live) output.note(onAir);
      if (settings.srtPassphrase && !PLAIN.test(settings.srtPassphrase)) output.note(notPlain);
      output.answer(found, describeChannel(found));
    });
}

/** The settings that are named. Fails with `cli.bad-option` where one cannot be. */
function readSettings({ preset, grace, onLoss, srtPassphrase, dvr, archive }: SetOptions): Partial<ChannelSettings> {
  const settings: Partial<ChannelSettings> = {
    ...(preset === undefined ? {} : { preset: orNull(preset) }),
    ...(grace === undefined ? {} : { graceSec: readSeconds('--grace', grace, GRACE_SEC_MAX) }),
    ...(onLoss === undefined ? {} : { onLoss: readOnLoss(onLoss) }),
    ...(srtPassphrase === undefined ? {} : { srtPassphrase: readPassphrase(srtPassphrase) }),
    ...(dvr === undefined ? {} : { dvrSec: readSeconds('--dvr', dvr, DVR_SEC_MAX) }),
    ...(archive === undefined ? {} : { archive: readSwitch(archive) }),
  };
  if (Object.keys(settings).length > 0) return settings;
  throw refuse('no setting is named', 'Give --preset, --grace, --on-loss, --srt-passphrase, --dvr or --archive.');
}

const orNull = (text: string): string | null => (text === 'default' ? null : text);

function readSeconds(option: string, text: string, max: number): number | null {
  if (text === 'default') return null;
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= max) return seconds;
  throw refuse(`${option} ${text}`, `It takes whole seconds from 0 to ${max}, or default.`);
}

function readSwitch(text: string): boolean | null {
  if (text === 'default') return null;
  if (text === 'on' || text === 'off') return text === 'on';
  throw refuse(`--archive ${text}`, 'It takes on, off or default.');
}

function readOnLoss(text: string): ChannelSettings['onLoss'] {
  if (text === 'default') return null;
  if (text === 'slate' || text === 'hold') return text;
  throw refuse(`--on-loss ${text}`, 'It takes slate, hold or default.');
}

/** The words of the mistake do not repeat the secret. */
function readPassphrase(text: string): string | null {
  if (text === 'none' || text === 'default') return null;
  if (SRT_PASSPHRASE.test(text)) return text;
  throw refuse('--srt-passphrase', 'It takes 10 to 79 printable ASCII characters, or none.');
}

const refuse = (what: string, hint: string) => new Failure('cli.bad-option', `${what} cannot be set`, { hint });
