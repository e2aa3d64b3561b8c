/**
 * Why a media child (ffmpeg, ffprobe, packager) ended badly, read from how it ended and what it said. Pure.
 *
 * The cause decides what the caller does: `bad-input` is the file's fault and is not tried again, `disk-full` and
 * `hardware` are the box's and may be tried elsewhere or later, `stopped` was asked for by ourselves.
 */
export type FfmpegFailureCause =
  | 'bad-input'
  | 'disk-full'
  | 'hardware'
  | 'stalled'
  | 'stopped'
  | 'killed'
  | 'missing'
  | 'other';

/** What we ourselves did to the child, if anything. */
export type Intent = 'stopped' | 'stalled' | 'killed' | null;

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The error of the spawn itself (ENOENT, EMFILE, …), or null where the child ran. */
  readonly spawnError: NodeJS.ErrnoException | null;
  readonly intent: Intent;
  /** Why we stopped it, in words; empty where we did not. */
  readonly reason: string;
  /** The last 32 KiB of what it wrote to stderr. */
  readonly stderr: string;
}

/** `setpriv` and shells answer 127 for a command that does not exist. */
const EXIT_NOT_FOUND = 127;

// The first that matches wins: a full disk or a lost device also makes ffmpeg say that its input was cut short.
const PATTERNS: readonly (readonly [FfmpegFailureCause, RegExp])[] = [
  ['disk-full', /No space left on device|Disk quota exceeded|ENOSPC/i],
  [
    'hardware',
    /OpenEncodeSessionEx failed|No (?:NVENC )?capable devices|InitializeEncoder failed|hwaccel initialisation returned error|No device available for (?:decoder|encoder|filter)|Device setup failed|Failed to (?:create|sync|upload|download).*surface|Error (?:creating|initializing) an? (?:internal )?MFX|Impossible to convert between the formats|CUDA_ERROR_|Cannot load lib(?:cuda|nvidia-encode|nvcuvid)|minimum required Nvidia driver|does not support the required nvenc API|No VA display found|Device creation failed|Failed to initiali[sz]e VAAPI|Error (?:creating|initializing) (?:a|the) MFX/i,
  ],
  [
    'bad-input',
    /Invalid data found when processing input|moov atom not found|EBML header parsing failed|could not find codec parameters|does not contain any stream|matches no streams|Unknown input format|Invalid argument \(pipe:0\)|: End of file\s*$/im,
  ],
];

export function causeOf(end: ChildEnd): FfmpegFailureCause {
  if (end.intent !== null) return end.intent;
  if (end.spawnError?.code === 'ENOENT') return 'missing';
  if (end.code === EXIT_NOT_FOUND && /failed to execute|not found/.test(end.stderr)) return 'missing';
  if (end.signal === 'SIGKILL') return 'killed';
  return PATTERNS.find(([, pattern]) => pattern.test(end.stderr))?.[0] ?? 'other';
}

/** One line for a log or for the person who asked: the child's own last words where it had any. */
export function describeEnd(binary: string, end: ChildEnd): string {
  const cause = causeOf(end);
  if (cause === 'missing') return `${binary} is not installed, or not in PATH`;
  if (end.spawnError !== null) return `${binary} could not be started: ${end.spawnError.message}`;
  if (end.reason !== '') return `${binary} was ended: ${end.reason}`;
  const how = end.signal !== null ? `was ended by ${end.signal}` : `exited with code ${end.code}`;
  const words = lastWords(end.stderr);
  return words === '' ? `${binary} ${how}` : `${binary} ${how}: ${words}`;
}

const LAST_WORDS_MAX = 300;

/** The last two error lines (the first of them often names what the last one fails by), else the last line. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /\[(?:error|fatal|panic)\]/.test(line));
  const chosen = errors.length > 0 ? errors.slice(-2) : lines.slice(-1);
  return [...new Set(chosen.map(withoutPrefixes))].join(' / ').slice(0, LAST_WORDS_MAX);
}

/** Takes off ffmpeg's own line heads, such as `[mov @ 0x55…] [error] `. */
const withoutPrefixes = (line: string) => line.trim().replace(/^(?:\[[^\]]*\]\s*)+/, '');
