/** A publisher, a sink that keeps what it gets, and a judge (ffprobe), for the tests of live transcoding. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { type FfmpegRun, runFfmpeg, runTool } from './ffmpeg-process.js';
import type { FragmentSink, RunSink, RunStart } from './fragment-sink.js';

export const smallVideo: VideoFacts = {
  codec: 'h264',
  width: 320,
  height: 180,
  rotation: 0,
  sampleAspectRatio: 1,
  frameRate: 25,
  interlaced: false,
  hdr: false,
};
export const smallFacts: SourceFacts = {
  video: smallVideo,
  audio: { codec: 'aac', sampleRate: 48_000, channels: 2 },
};

export interface FeedOptions {
  readonly startSec?: number;
  readonly seconds: number;
  readonly size?: string;
  readonly rate?: string;
  readonly tracks?: 'both' | 'video' | 'audio';
  readonly realTime?: boolean;
  /** How the picture is encoded; default libx264 with two B-frames. */
  readonly coder?: readonly string[];
  /** Filters on the picture, after its source. */
  readonly filter?: string;
  /** How much earlier the sound starts than the picture, seconds. */
  readonly audioLeadSec?: number;
}

/** A publisher's feed as ingest muxes it: live Matroska, times on the broadcast's timeline. Read it from `outputs[0]`. */
export function publish(options: FeedOptions): FfmpegRun {
  const { seconds, size = '320x180', rate = '25', tracks = 'both', audioLeadSec = 0 } = options;
  const pace = options.realTime ? ['-re'] : [];
  const picture = [...pace, '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
  const lead = ['-itsoffset', String(-audioLeadSec)];
  const tone = [...pace, ...lead, '-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${seconds}`];
  const filter = options.filter === undefined ? [] : ['-vf', options.filter];
  const coder = options.coder ?? ['libx264', '-preset', 'ultrafast', '-bf', '2'];
  const video = [...filter, '-c:v', ...coder, '-g', '25'];
  const inputs = [...(tracks === 'audio' ? [] : picture), ...(tracks === 'video' ? [] : tone)];
  const coding = [...(tracks === 'audio' ? [] : video), '-c:a', 'aac', '-ac', '2'];
  // Sound alone begins with its encoder's priming, before zero; left to itself, only an old ffmpeg moves it to zero.
  const priming = tracks === 'audio' ? ['-avoid_negative_ts', 'disabled'] : [];
  const mux = [
    ...priming,
    '-output_ts_offset',
    String(options.startSec ?? 0),
    '-f',
    'matroska',
    '-live',
    '1',
    '-flush_packets',
    '1',
  ];
  return runFfmpeg([...inputs, ...coding, ...mux, 'pipe:3'], { log: silentLog, outputs: 1 });
}

export interface KeptRun {
  readonly start: RunStart;
  readonly bytes: Map<string, Buffer[]>;
  readonly sinks: Map<string, Writable>;
  ended: boolean;
}

/** Keeps everything; `events` tells the order in which things happened. */
export class KeepingSink implements FragmentSink {
  readonly runs: KeptRun[] = [];
  readonly events: string[] = [];
  /** What an abandoned run is told. */
  resumeMs: number | null = null;
  /** Called for each sink that is handed out, to make it misbehave. */
  onRendition: (sink: Writable) => void = () => {};

  openRun(start: RunStart): RunSink {
    const run: KeptRun = { start, bytes: new Map(), sinks: new Map(), ended: false };
    this.runs.push(run);
    this.events.push(`open ${start.broadcastId}`);
    return {
      rendition: (id) => this.#sink(run, id),
      end: () => {
        run.ended = true;
        this.events.push(`end ${start.broadcastId}`);
      },
      abandon: () => {
        run.ended = true;
        this.events.push(`abandon ${start.broadcastId}`);
        return this.resumeMs;
      },
    };
  }

  endBroadcast(broadcastId: string): void {
    this.events.push(`over ${broadcastId}`);
  }

  size(run: number): number {
    return [...(this.runs[run]?.bytes.values() ?? [])].flat().reduce((sum, chunk) => sum + chunk.length, 0);
  }

  #sink(run: KeptRun, id: string): Writable {
    const chunks: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    this.onRendition(sink);
    run.bytes.set(id, chunks);
    run.sinks.set(id, sink);
    return sink;
  }
}

/** Of each fragment: how many samples it has, and whether the first one is a key. As this box's writers lay a `moof` out. */
export function fragmentsOf(bytes: Buffer): { readonly samples: number; readonly key: boolean }[] {
  const found: { samples: number; key: boolean }[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    if (bytes.toString('latin1', at + 4, at + 8) !== 'moof') continue;
    const trun = bytes.indexOf('trun', at, 'latin1');
    const flags = bytes.readUInt32BE(trun + 4) & 0xffffff;
    const afterOffset = trun + 16;
    // The first sample's flags stand by themselves, or behind its duration and size.
    const ownFlags = (flags & 0x4) !== 0 ? afterOffset : afterOffset + 8;
    const key = (flags & 0x404) !== 0 && (bytes.readUInt32BE(ownFlags) & 0x10000) === 0;
    found.push({ samples: bytes.readUInt32BE(trun + 8), key });
  }
  return found;
}

export interface Probed {
  readonly codec: string;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly sampleAspectRatio: string | undefined;
  readonly packets: { readonly time: number; readonly key: boolean }[];
  /** Frames that a decoder made of it. */
  readonly frames: number;
}

interface ProbeReport {
  streams: {
    codec_name: string;
    width?: number;
    height?: number;
    sample_aspect_ratio?: string;
    nb_read_frames: string;
  }[];
  packets: { pts_time: string; flags: string }[];
}

/** What ffprobe finds in one rendition's fragments; throws where it finds fault. */
export async function probe(fragments: Buffer): Promise<Probed> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-probe-'));
  try {
    const file = join(folder, 'rendition.mp4');
    await writeFile(file, fragments);
    const entries = 'stream=codec_name,width,height,sample_aspect_ratio,nb_read_frames:packet=pts_time,flags';
    const args = ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', file];
    const outcome = await runTool('ffprobe', args, { log: silentLog });
    if (!outcome.ok || outcome.stderr !== '') throw new Error(`ffprobe: ${outcome.stderr}`);
    return readReport(JSON.parse(outcome.stdout.toString()) as ProbeReport);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readReport(report: ProbeReport): Probed {
  const stream = report.streams[0];
  if (stream === undefined) throw new Error('ffprobe found no stream');
  return {
    codec: stream.codec_name,
    width: stream.width,
    height: stream.height,
    sampleAspectRatio: stream.sample_aspect_ratio,
    packets: report.packets.map(({ pts_time, flags }) => ({ time: Number(pts_time), key: flags.startsWith('K') })),
    frames: Number(stream.nb_read_frames),
  };
}
