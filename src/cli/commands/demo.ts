import type { Command } from 'commander';
import { Failure } from '../../telemetry/failure.js';
import { silentLog } from '../../telemetry/log.js';
import type { ApiClient } from '../api-client.js';
import { type BoxOptions, openBox, withBoxOptions } from './box-options.js';

type DemoOptions = BoxOptions & { readonly channel: string; readonly seconds?: string; readonly ffmpeg: string };
interface DemoChannel {
  readonly name: string;
  readonly rtmpUrl: string;
  readonly watchUrl: string;
}

export function addDemoCommand(program: Command): void {
  withBoxOptions(program.command('demo'))
    .description('push a moving test picture with a clock and a tone to a channel of its own, until Ctrl-C')
    .option('--channel <name>', 'the channel to push to; created if it is not there', 'demo')
    .option('--seconds <n>', 'stop by itself after so many seconds')
    .option('--ffmpeg <program>', 'the ffmpeg to run', 'ffmpeg')
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const seconds = options.seconds === undefined ? null : Number(options.seconds);
  if (seconds !== null && !(seconds > 0 && seconds <= 86_400)) {
    throw new Failure('cli.bad-option', `--seconds ${options.seconds}: not allowed`, {
      hint: 'Give a number from 1 to 86400.',
    });
  }
  const { api, output } = openBox(options);
  const channel = await demoChannel(api, options.channel);
  const { runFfmpeg } = await import('../../transcode/ffmpeg-process.js');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  output.answer(
    { name: channel.name, rtmpUrl: channel.rtmpUrl, watchUrl: channel.watchUrl },
    `pushing a test picture to channel ${channel.name}\nwatch it at ${channel.watchUrl}\nCtrl-C ends it`,
  );
  const run = (picture: string) =>
    runFfmpeg(demoArguments(picture, channel.rtmpUrl, seconds), {
      log: silentLog,
      signal: stop.signal,
      binary: options.ffmpeg,
    }).done;
  // drawtext needs a font, which a bare system may lack; the plain test picture has a running clock of its own.
  const clock =
    "drawtext=text='%{localtime\\:%T}':fontsize=72:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16:x=(w-tw)/2:y=h*0.42";
  const hasFont = (
    await runFfmpeg(fontProbe(clock), { log: silentLog, signal: stop.signal, binary: options.ffmpeg }).done
  ).ok;
  const outcome = await run(hasFont ? `,${clock}` : '');
  if (outcome.ok || stop.signal.aborted) return;
  throw new Failure('cli.demo-ended', `the test picture ended: ${outcome.message}`, {
    hint: 'headwater status shows whether the box runs; another publisher may hold the channel (try --channel NAME).',
  });
}

async function demoChannel(api: ApiClient, name: string): Promise<DemoChannel> {
  const found = await api.find<DemoChannel>(`/v1/channels/${encodeURIComponent(name)}`);
  return found ?? api.post<DemoChannel>('/v1/channels', { name });
}

const fontProbe = (clock: string) => [
  '-f',
  'lavfi',
  '-i',
  `color=s=320x180,${clock}`,
  '-frames:v',
  '1',
  '-f',
  'null',
  '-',
];

/** 720p at 30 frames per second with a keyframe every two seconds, as an encoder such as OBS would send it. */
function demoArguments(picture: string, rtmpUrl: string, seconds: number | null): string[] {
  return [
    ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=30${picture}`],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:beep_factor=4:sample_rate=48000'],
    ...(seconds === null ? [] : ['-t', String(seconds)]),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ...['-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '2500k', '-g', '60'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-f', 'flv', rtmpUrl],
  ];
}
