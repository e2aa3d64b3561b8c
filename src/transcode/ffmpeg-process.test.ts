import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { type FfmpegProgress, runFfmpeg, runTool } from './ffmpeg-process.js';

const log = silentLog;
const picture = (seconds: number) => ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=25:d=${seconds}`];
const realTime = ['-re', ...picture(60)];
const nowhere = ['-f', 'null', '-'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-ffmpeg-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A zombie still has an entry, but nothing of it runs. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

async function untilGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && (await isRunning(pid)); tries += 1) await sleep(50);
  return !(await isRunning(pid));
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !condition(); tries += 1) await sleep(25);
  expect(condition()).toBe(true);
}

describe('runFfmpeg', () => {
  it('reports progress and the final count', async () => {
    const reports: FfmpegProgress[] = [];
    const run = runFfmpeg([...picture(2), ...nowhere], { log, nice: 5, onProgress: (report) => reports.push(report) });
    const outcome = await run.done;
    expect(outcome).toMatchObject({ ok: true, frames: 50 });
    // Some versions count to the start of the last picture, others to its end.
    expect([1960, 2000]).toContain(outcome.ok ? outcome.outTimeMs : null);
    expect(reports.at(-1)?.frames).toBe(50);
  });

  it('carries a feed in and several outputs out', async () => {
    const made = await runTool('ffmpeg', ['-v', 'error', ...picture(1), '-f', 'matroska', 'pipe:1'], { log });
    expect(made.ok).toBe(true);
    const outputs = ['-map', '0:v', '-f', 'framemd5', 'pipe:3', '-map', '0:v', '-f', 'framemd5', 'pipe:4'];
    const run = runFfmpeg(['-i', 'pipe:0', ...outputs], { log, stdin: 'pipe', outputs: 2 });
    run.stdin?.end(made.ok ? made.stdout : '');
    const [first, second] = await Promise.all(run.outputs.map((output) => text(output)));
    expect(await run.done).toMatchObject({ ok: true, frames: 25 });
    expect(first).toBe(second);
    expect(first?.split('\n').filter((line) => line.startsWith('0,'))).toHaveLength(25);
  });

  it.each([
    ['missing', ['-version'], { binary: 'no-such-ffmpeg' }, /not installed/],
    ['bad-input', ['-i', 'pipe:0', ...nowhere], { stdin: 'pipe' as const }, /Invalid data/],
    ['other', ['-no_such_option', 'x'], {}, /no_such_option.*Option not found/],
  ])('names the cause: %s', async (cause, args, options, message) => {
    const run = runFfmpeg(args, { log, ...options });
    run.stdin?.end('this is not media, whatever its name says '.repeat(50));
    const outcome = await run.done;
    expect(outcome).toMatchObject({ ok: false, cause });
    expect(outcome.ok ? '' : outcome.message).toMatch(message);
  });

  it('stops politely: the file is finished', async () => {
    const file = join(folder, 'stopped.mp4');
    let frames = 0;
    const args = [...realTime, '-c:v', 'libx264', '-preset', 'ultrafast', file];
    const run = runFfmpeg(args, {
      log,
      onProgress: (report) => {
        frames = report.frames;
      },
    });
    await until(() => frames > 10);
    run.stop('enough');
    expect(await run.done).toMatchObject({ ok: false, cause: 'stopped', message: 'ffmpeg was ended: enough' });
    const probed = await runTool('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'json', file], {
      log,
    });
    expect(probed.ok && probed.stdout.toString()).toMatch(/duration/);
  });

  it('stops when the signal aborts, before or during the run', async () => {
    const before = runFfmpeg([...realTime, ...nowhere], { log, signal: AbortSignal.abort() });
    expect(await before.done).toMatchObject({ ok: false, cause: 'stopped' });
    const controller = new AbortController();
    const during = runFfmpeg([...realTime, ...nowhere], { log, signal: controller.signal });
    setTimeout(() => controller.abort(), 300);
    expect(await during.done).toMatchObject({ ok: false, cause: 'stopped' });
  });

  it('kills a stalled one, and tells a kill from outside apart', async () => {
    const stalled = runFfmpeg([...realTime, ...nowhere], { log, stallMs: 800 });
    const killed = runFfmpeg([...realTime, ...nowhere], { log });
    await sleep(300);
    process.kill(Number(stalled.pid), 'SIGSTOP');
    process.kill(Number(killed.pid), 'SIGKILL');
    expect(await stalled.done).toMatchObject({ ok: false, cause: 'stalled', message: /no progress for 800 ms/ });
    expect(await killed.done).toMatchObject({ ok: false, cause: 'killed', signal: 'SIGKILL' });
  });

  it('waits patiently where there is no work', async () => {
    const run = runFfmpeg(['-f', 'matroska', '-i', 'pipe:0', ...nowhere], {
      log,
      stdin: 'pipe',
      stallMs: null,
    });
    await sleep(900);
    expect(await isRunning(Number(run.pid))).toBe(true);
    run.kill();
    expect(await run.done).toMatchObject({ ok: false, cause: 'killed' });
  });

  it('keeps the end of a long stderr, within its bound', async () => {
    const args = ['-loglevel', 'info', ...picture(20), '-vf', 'showinfo', ...nowhere];
    const outcome = await runFfmpeg(args, { log }).done;
    expect(outcome.ok).toBe(true);
    expect(outcome.stderr.length).toBeGreaterThan(16 * 1024);
    expect(outcome.stderr.length).toBeLessThanOrEqual(32 * 1024);
  });

  it('ends though nobody reads its output', { timeout: 20_000 }, async () => {
    const args = [...picture(10), '-c:v', 'rawvideo', '-f', 'rawvideo', 'pipe:3'];
    const run = runFfmpeg(args, { log, outputs: 1 });
    await sleep(200);
    run.kill();
    expect(await run.done).toMatchObject({ ok: false, cause: 'killed' });
  });
});

describe('runTool', () => {
  it('hands back stdout', async () => {
    const outcome = await runTool('ffprobe', ['-version'], { log });
    expect(outcome.ok && outcome.stdout.toString()).toMatch(/^ffprobe version/);
  });

  it('bounds time and stdout', async () => {
    expect(await runTool('sleep', ['30'], { log, timeoutMs: 100 })).toMatchObject({ ok: false, cause: 'stalled' });
    expect(await runTool('yes', [], { log, stdoutMax: 10_000 })).toMatchObject({ ok: false, cause: 'killed' });
    expect(await runTool('false', [], { log })).toMatchObject({ ok: false, cause: 'other', code: 1 });
  });
});

describe('when we are killed with SIGKILL', () => {
  const built = join(import.meta.dirname, '../../dist/transcode/ffmpeg-process.js');

  it.each(['ignore', 'pipe'])('ffmpeg with stdin %s dies with us', async (stdin) => {
    expect(existsSync(built)).toBe(true);
    const input = stdin === 'pipe' ? ['-f', 'matroska', '-i', 'pipe:0'] : realTime;
    const script = `
      import { runFfmpeg } from ${JSON.stringify(pathToFileURL(built).href)};
      import { pino } from ${JSON.stringify(import.meta.resolve('pino'))};
      const log = pino({ level: 'silent' });
      const run = runFfmpeg(${JSON.stringify([...input, ...nowhere])}, { log, stdin: ${JSON.stringify(stdin)} });
      process.stdout.write(String(run.pid) + '\\n');
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(await isRunning(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await untilGone(pid)).toBe(true);
  });
});
