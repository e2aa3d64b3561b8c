import { closeSync, existsSync } from 'node:fs';
import type { RestreamDoor } from '../../api/api-app.js';
import type { FeedSink } from '../../ingest/feed-sink.js';
import type { Catalog } from '../../metadata/catalog.js';
import { Restreamer } from '../../restream/restreamer.js';
import type { Sender, SenderEnd, StartSender } from '../../restream/sender.js';
import { messageOf } from '../../telemetry/failure.js';
import { type Log, silentLog } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type FfmpegOutcome, FIRST_OUTPUT_FD, runFfmpeg } from '../../transcode/ffmpeg-process.js';
import { ffmpegVersion } from '../../transcode/hardware.js';
import type { Settings } from '../config-schema.js';
import { teeFeeds } from '../feed-tee.js';
import { privateFile } from '../private-file.js';
import { steadyNow } from '../steady-clock.js';

/** Sends live channels on to other servers. */
export interface RestreamRole {
  /** What ingest writes its feeds to. */
  readonly sink: FeedSink;
  readonly statuses: RestreamDoor['statuses'];
  close(graceMs: number): Promise<void>;
}

/** The first ffmpeg that writes enhanced RTMP. */
const ENHANCED_FLV: readonly [number, number] = [6, 1];

export function openRestream(options: {
  settings: Settings;
  catalog: Catalog;
  /** Who gets the feeds anyway. */
  sink: FeedSink;
  /** For files without a name. */
  folder: string;
  log: Log;
  metrics: Metrics;
}): RestreamRole {
  const { settings, catalog, sink, folder, log, metrics } = options;
  const { ffmpeg: binary } = settings.transcode;
  const restreamer = new Restreamer({
    start: senderStarter({ binary, folder, log }),
    targets: (channel) => catalog.restreams(channel),
    enhancedFlv: enhancedFlv(binary, log),
    now: steadyNow,
    log,
    metrics,
  });
  const stop = catalog.follow(({ entry }) => {
    if (entry.type === 'channel.restream-added' || entry.type === 'channel.restream-removed') {
      restreamer.refresh(entry.data.channel);
    }
  });
  return {
    sink: teeFeeds(sink, restreamer),
    statuses: (channel) => restreamer.statuses(channel),
    async close(graceMs) {
      stop();
      await restreamer.close(graceMs);
    },
  };
}

/** Debian's and Ubuntu's. An ffmpeg built with OpenSSL knows no authorities by itself. */
const CA_FILE = '/etc/ssl/certs/ca-certificates.crt';

/** False until ffmpeg has said what it is, which takes a moment after the start. */
function enhancedFlv(binary: string, log: Log): () => boolean {
  let enhanced = false;
  ffmpegVersion({ binary, log }).then(
    ({ release }) => {
      const [major, minor] = release ?? ENHANCED_FLV;
      enhanced = major > ENHANCED_FLV[0] || (major === ENHANCED_FLV[0] && minor >= ENHANCED_FLV[1]);
    },
    (error) => log.debug({ reason: messageOf(error) }, 'ffmpeg does not say what it is'),
  );
  return () => enhanced;
}

/** ffmpeg reads `private` from a file that has no name: what is in its arguments can be read by everybody on the machine. */
function senderStarter({ binary, folder, log }: { binary: string; folder: string; log: Log }): StartSender {
  const authorities = existsSync(CA_FILE) ? ['-ca_file', CA_FILE] : [];
  return ({ args, private: secrets, output }, onSending) => {
    const descriptor = openPrivate(folder, secrets);
    if (typeof descriptor !== 'number') return neverStarted(descriptor.problem);
    const trusted = output.startsWith('rtmps:') ? authorities : [];
    const run = runFfmpeg([...args, ...trusted, '-fpre', `/dev/fd/${FIRST_OUTPUT_FD}`, output], {
      // It would log what the target says, which may repeat a key.
      log: silentLog,
      binary,
      stdin: 'pipe',
      stallMs: null,
      descriptors: [descriptor],
      onProgress: ({ frames, outTimeMs }) => {
        if (frames > 0 || outTimeMs > 0) onSending();
      },
    });
    closeSync(descriptor);
    log.debug({ pid: run.pid }, 'ffmpeg started to restream');
    return { input: run.stdin, kill: () => run.kill('killed'), done: run.done.then(senderEnd) };
  };
}

function openPrivate(folder: string, lines: readonly string[]): number | { problem: string } {
  try {
    return privateFile(folder, lines.map((line) => `${line}\n`).join(''));
  } catch (error) {
    return { problem: `no file can be made in the data folder: ${messageOf(error)}` };
  }
}

const neverStarted = (summary: string): Sender => ({
  input: null,
  kill: () => {},
  done: Promise.resolve({ stderr: '', summary }),
});

function senderEnd(outcome: FfmpegOutcome): SenderEnd {
  return { stderr: outcome.stderr, summary: outcome.ok ? 'the connection ended by itself' : outcome.message };
}
