/**
 * Looks at a file that was uploaded: what is in it, how long it lasts, or in plain words why it cannot become a video.
 *
 * The file is foreign: it is opened within the fences of `untrusted-input.ts`, and time and output are bounded. Where
 * the container does not say how long its streams are (a browser's recording) or guesses (MP3 without a header), they
 * are measured by reading them through without decoding.
 */
import { open } from 'node:fs/promises';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { missingPart } from './expected-duration.js';
import { type ChildFailed, runFfmpeg, runTool } from './ffmpeg-process.js';
import type { MediaTools } from './media-tools.js';
import { type ProbeReading, readProbeReport, type StreamSpan } from './probe-report.js';
import { untrustedInput, untrustedProbeInput } from './untrusted-input.js';

export interface ProbeOptions {
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly tools: MediaTools;
}

export interface ProbedFile {
  readonly ok: true;
  readonly facts: SourceFacts;
  /** The end of the stream that lasts longest, in seconds; above 0. */
  readonly durationSec: number;
  readonly videoStreamIndex: number | null;
  readonly audioStreamIndex: number | null;
  /** When each chosen stream ends, in seconds from the start of the file. */
  readonly videoEndSec: number | null;
  readonly audioEndSec: number | null;
  /** Coded pictures, where the container counts them. */
  readonly frames: number | null;
}

/** `foreign`: the file is at fault and will never do. Otherwise the box is (a program missing, killed, aborted): try again. */
export interface ProbeRefused {
  readonly ok: false;
  readonly reason: string;
  readonly foreign: boolean;
}

/** Longer uploads are refused, in seconds: two days. */
const DURATION_MAX_SEC = 48 * 3600;
const PROBE_TIMEOUT_MS = 60_000;
const PROBE_OUTPUT_MAX = 4 * 1024 * 1024;

export async function probeFile(path: string, options: ProbeOptions): Promise<ProbedFile | ProbeRefused> {
  const refused = await refuseByFirstBytes(path);
  if (refused !== null) return foreign(refused);
  const outcome = await runTool(options.tools.ffprobe, probeArguments(path), {
    log: options.log,
    timeoutMs: PROBE_TIMEOUT_MS,
    stdoutMax: PROBE_OUTPUT_MAX,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (!outcome.ok) return explainProbeFailure(outcome);
  const guessedByBitrate = /Estimating duration from bitrate/.test(outcome.stderr);
  const reading = readProbeReport(JSON.parse(outcome.stdout.toString('utf8')), guessedByBitrate);
  return reading.ok ? withDurations(path, reading, options) : foreign(reading.reason);
}

function foreign(reason: string): ProbeRefused {
  return { ok: false, reason, foreign: true };
}

function probeArguments(path: string): string[] {
  const reading = ['-probesize', '20M', '-analyzeduration', '20M', '-max_streams', '100'];
  const printing = ['-show_format', '-show_streams', '-of', 'json=compact=1'];
  return ['-hide_banner', '-loglevel', 'level+warning', ...reading, ...printing, ...untrustedProbeInput(path)];
}

const HEAD_BYTES = 4096;

/** ffprobe takes text for anything from subtitles to broken MP4; a look at the first bytes gives truer words. */
async function refuseByFirstBytes(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return refuseHead(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function refuseHead(head: Buffer): string | null {
  if (head.length === 0) return 'the file is empty';
  const start = head.toString('utf8').trimStart();
  if (start.startsWith('#EXTM3U') || start.startsWith('ffconcat') || start.startsWith('<MPD')) return PLAYLIST;
  const controls = head.filter(
    (byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c,
  );
  return controls.length === 0 && !head.includes(0x7f) ? 'the file is text, not video or audio' : null;
}

const PLAYLIST = 'the file is a playlist that names other files; upload the media itself';

function explainProbeFailure(failed: ChildFailed): ProbeRefused {
  if (failed.cause === 'stopped' || failed.cause === 'missing' || failed.cause === 'disk-full') {
    return { ok: false, reason: failed.message, foreign: false };
  }
  if (failed.cause === 'stalled') return foreign('the file could not be examined in time: its structure is broken');
  if (failed.cause === 'killed') {
    const wordy = failed.message.includes('more than');
    return wordy
      ? foreign('the file describes an absurd number of streams')
      : { ok: false, reason: failed.message, foreign: false };
  }
  return foreign(
    wordsFor(failed.stderr) ?? `the file is not a video or audio file that can be read (${failed.message})`,
  );
}

function wordsFor(stderr: string): string | null {
  const [, format = ''] = /\[(\S+) @ [^\]]*\].*Format not on whitelist/.exec(stderr) ?? [];
  if (format.endsWith('_pipe') || ['image2', 'gif', 'apng', 'webp'].includes(format)) {
    return 'the file is a picture, not video or audio';
  }
  if (['hls', 'concat', 'dash', 'imf', 'sdp', 'rtsp'].includes(format)) return PLAYLIST;
  if (format !== '') return `files of this kind (${format}) are not accepted`;
  if (/moov atom not found/.test(stderr)) {
    return 'the MP4 file is incomplete: its index (moov) is missing, as in a recording or an upload that was cut short';
  }
  if (/reached eof, corrupted|error reading header|End of file|Truncating packet/.test(stderr)) {
    return 'the file is cut short: its header is incomplete';
  }
  return /Invalid data found/.test(stderr) ? 'the file is not a video or audio file that can be read' : null;
}

async function withDurations(
  path: string,
  reading: Extract<ProbeReading, { ok: true }>,
  options: ProbeOptions,
): Promise<ProbedFile | ProbeRefused> {
  const video = await spanEnd(path, reading.video, options);
  const audio = await spanEnd(path, reading.audio, options);
  if (!video.ok) return video;
  if (!audio.ok) return audio;
  const durationSec = Math.max(video.endSec ?? 0, audio.endSec ?? 0);
  // Where each stream says its own duration, encoding checks it; what was measured is checked at once.
  const measured = reading.video?.endSec === null || reading.audio?.endSec === null;
  const refused = refuseDuration(durationSec, measured ? reading.declaredSec : null);
  if (refused !== null) return foreign(refused);
  return {
    ok: true,
    facts: reading.facts,
    durationSec,
    videoStreamIndex: reading.video?.index ?? null,
    audioStreamIndex: reading.audio?.index ?? null,
    videoEndSec: video.endSec,
    audioEndSec: audio.endSec,
    frames: reading.video?.frames ?? null,
  };
}

function refuseDuration(durationSec: number, declaredSec: number | null): string | null {
  if (!(durationSec > 0)) return 'the file holds nothing that plays: its duration is zero';
  if (durationSec > DURATION_MAX_SEC) {
    return `the file lasts ${Math.round(durationSec / 3600)} hours; at most ${DURATION_MAX_SEC / 3600} are accepted`;
  }
  return declaredSec === null ? null : missingPart(declaredSec, durationSec);
}

type SpanEnd = { readonly ok: true; readonly endSec: number | null } | ProbeRefused;

async function spanEnd(path: string, span: StreamSpan | null, options: ProbeOptions): Promise<SpanEnd> {
  if (span === null || span.endSec !== null) return { ok: true, endSec: span?.endSec ?? null };
  const run = runFfmpeg(
    [
      ...untrustedInput(path),
      '-map',
      `0:${span.index}`,
      '-c',
      'copy',
      '-t',
      String(DURATION_MAX_SEC + 3600),
      '-f',
      'null',
      '-',
    ],
    {
      log: options.log,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      binary: options.tools.ffmpeg,
    },
  );
  const outcome = await run.done;
  if (outcome.ok) return { ok: true, endSec: outcome.outTimeMs / 1000 };
  const ours = outcome.cause !== 'bad-input' && outcome.cause !== 'other';
  return {
    ok: false,
    reason: ours ? outcome.message : `the file cannot be read through (${outcome.message})`,
    foreign: !ours,
  };
}
