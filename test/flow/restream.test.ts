import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, failedCommand, startBox, type TestBox, until } from '../box.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { freePort, listenForMedia, type MediaTarget, stopMediaTargets } from '../media-target.js';

/** A channel that is sent on to an RTMP and an SRT server while it is live. */
interface Restream {
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly restarts: number;
  readonly bitrate: number | null;
  readonly error: string | null;
}

const KEY = 'very-secret-key';
const PASSPHRASE = 'very secret passphrase';
const STREAM_ID = '#!::r=very-secret,m=publish';
let box: TestBox;
let encoder: Encoder;
let rtmpPort: number;
let srtPort: number;
let rtmpTarget: MediaTarget;
let srtTarget: MediaTarget;
let publishTo: string;

const rtmpAddress = () => `rtmp://127.0.0.1:${rtmpPort}/live/${KEY}`;
const srtAddress = () => `srt://127.0.0.1:${srtPort}?mode=listener&passphrase=${PASSPHRASE}`;
const api = async <Answer>(path: string): Promise<Answer> => {
  const authorization = `Bearer ${readFileSync(`${box.data}/operator.token`, 'utf8').trim()}`;
  return (await (await fetch(`${box.http}/v1/${path}`, { headers: { authorization } })).json()) as Answer;
};
const list = async () => (await api<{ restreams: Restream[] }>('channels/news/restreams')).restreams;
const restreamOf = async (name: string) => (await list()).find((each) => each.name === name);
const comesTo = (name: string, state: string) =>
  until(
    async () => (await restreamOf(name))?.state === state,
    60_000,
    () => `${name} did not come to ${state}:\n${box.printed().slice(-3000)}`,
    300,
  );
/** Until the target has decoded so many more pictures. */
async function decodes(target: MediaTarget, more = 20): Promise<void> {
  const wanted = target.pictures + more;
  await until(
    () => target.pictures >= wanted,
    60_000,
    () => `no pictures came: ${target.complaints}\n${box.printed().slice(-3000)}`,
  );
}

beforeAll(async () => {
  [rtmpPort, srtPort] = [await freePort(), await freePort()];
  box = await startBox({ args: ['--set', 'log.level=debug', '--set', 'live.graceSec=20'] });
  publishTo = (await box.json<{ rtmpUrl: string }>('channel', 'create', 'news')).rtmpUrl;
});

afterAll(async () => {
  await stopEncoders();
  stopMediaTargets();
  await cleanUp();
});

it('takes targets, and says what it does not take', async () => {
  const add = (...words: string[]) => box.json<Restream>('channel', 'restream', 'add', 'news', ...words);
  expect(await add(rtmpAddress(), '--name', 'tube')).toMatchObject({
    name: 'tube',
    url: `rtmp://127.0.0.1:${rtmpPort}/live/***`,
    state: 'off',
  });
  const query = new URLSearchParams({ streamid: STREAM_ID, passphrase: PASSPHRASE, latency: '120' });
  const srt = await add(`srt://127.0.0.1:${srtPort}?${query.toString().replaceAll('+', '%20')}`);
  expect(srt).toMatchObject({
    name: '127-0-0-1',
    url: expect.stringMatching(/streamid=\*\*\*&passphrase=\*\*\*&latency=120$/),
  });
  for (const [words, message] of [
    [['http://h/x'], /rtmp:\/\/HOST/],
    [[publishTo], /this box itself/],
    [[`srt://localhost:${box.ready.srt?.split(':').at(-1)}?streamid=x`], /this box itself/],
    [[rtmpAddress(), '--name', 'tube'], /already/],
  ] as const) {
    const { stderr } = await failedCommand(box.data, ['channel', 'restream', 'add', 'news', ...words]);
    expect(stderr).toMatch(message);
  }
  expect(await box.command('channel', 'restream', 'list', 'news')).toMatch(/TARGET[\s\S]*tube[\s\S]*off/);
});

it('sends a live channel to each of them, whose secrets nobody sees', async () => {
  [rtmpTarget, srtTarget] = [listenForMedia(rtmpAddress()), listenForMedia(srtAddress())];
  encoder = new Encoder(publishTo);
  await Promise.all([comesTo('tube', 'sending'), comesTo('127-0-0-1', 'sending')]);
  await Promise.all([decodes(rtmpTarget), decodes(srtTarget)]);
  const metrics = await (await fetch(`${box.admin}/metrics`)).text();
  expect(metrics).toMatch(/headwater_restream_sending\{channel="news",target="tube"\} 1/);
  const status = await box.command('status');
  expect(status).toMatch(/RESTREAM[\s\S]*news +tube[\s\S]*sending/);
  const seen = [metrics, status, JSON.stringify(await api('status')), box.printed(), childArguments()].join('\n');
  expect(seen).not.toContain('very-secret');
  expect(seen).not.toContain(PASSPHRASE);
});

it('comes back to a target that was gone', async () => {
  await rtmpTarget.kill();
  await until(async () => ((await restreamOf('tube'))?.restarts ?? 0) > 0, 60_000, undefined, 300);
  expect((await restreamOf('tube'))?.error).toMatch(/closed the connection|nothing listens/);
  rtmpTarget = listenForMedia(rtmpAddress());
  await comesTo('tube', 'sending');
  await decodes(rtmpTarget);
});

it('goes on in the same connection while the slate is on air, and when the publisher is back', async () => {
  const before = await list();
  await encoder.stop('SIGKILL');
  const shows = async () => (await api<{ live: { state: string }[] }>('status')).live[0]?.state;
  await until(async () => (await shows()) === 'slate', 60_000, undefined, 300);
  await Promise.all([decodes(rtmpTarget), decodes(srtTarget)]);
  encoder = new Encoder(publishTo);
  await until(async () => (await shows()) === 'live', 60_000, undefined, 300);
  await Promise.all([decodes(rtmpTarget), decodes(srtTarget)]);
  expect((await list()).map(({ restarts }) => restarts)).toEqual(before.map(({ restarts }) => restarts));
});

it('says goodbye to a target that is removed, and to all at the end', async () => {
  // What SRT still holds at its end is lost, and with it a part of the last picture.
  expect(srtTarget.complaints).toBe('');
  await box.command('channel', 'restream', 'remove', 'news', '127-0-0-1');
  await until(() => srtTarget.ended, 60_000);
  expect((await list()).map(({ name }) => name)).toEqual(['tube']);
  await encoder.stop('SIGTERM');
  await box.command('channel', 'delete', 'news');
  await until(() => rtmpTarget.ended, 60_000);
  expect(rtmpTarget.complaints).toBe('');
});

/** Of every process of this machine that runs ffmpeg to restream. */
function childArguments(): string {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
  const ours = lines.filter((line) => line.includes('-fpre'));
  expect(ours.length).toBeGreaterThan(0);
  return ours.join('\n');
}
