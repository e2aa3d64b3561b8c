import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { type PackageOptions, packageVod } from './package-vod.js';
import { readShakaMpd } from './shaka-mpd.js';
import { AAC, makeFile, tone } from './vod.fixture.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-package-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = (name: string, input: string): PackageOptions => ({
  input,
  folder: join(folder, name),
  videoId: 'v_0123456789abcdef',
  rendition: { kind: 'audio', id: 'audio', bitrate: 64_000, sampleRate: 48_000, channels: 2 },
  prefix: 'job/j_1/7/',
  log: silentLog,
});

test('sizes, rates and times are those of the files', async () => {
  const input = await makeFile(folder, 'sound.mp4', [...tone(9), ...AAC]);
  const outcome = await packageVod(options('sound', input));
  if (!outcome.ok) throw new Error(outcome.message);
  const { segments, timescale, bandwidth, averageBandwidth, prefix } = outcome.packaged;
  expect([timescale, prefix, segments.length]).toEqual([48_000, 'job/j_1/7/', 3]);
  for (const [index, segment] of segments.entries()) {
    const bytes = (await readFile(join(folder, 'sound', segment.name))).length;
    expect(segment).toMatchObject({ name: `${index + 1}.m4s`, bytes });
    const previous = segments[index - 1];
    expect(segment.start).toBe(previous === undefined ? 0 : previous.start + previous.duration);
  }
  // The last second is too short to be a peak.
  expect(bandwidth).toBeLessThan(averageBandwidth * 1.3);
  expect([...outcome.names].sort()).toEqual(['1.m4s', '2.m4s', '3.m4s', 'init.mp4', 'playlist.m3u8']);
  expect((await readdir(join(folder, 'sound'))).length).toBe(5);
});

test('what is no MP4 ends with the packager’s own words', async () => {
  const input = join(folder, 'text.mp4');
  await writeFile(input, 'no media\n');
  expect(await packageVod(options('text', input))).toMatchObject({ ok: false });
});

test('a full disk is told from other trouble', async () => {
  const packager = join(folder, 'full');
  const words = 'Cannot close file 2.m4s, possibly file permission issue or running out of disk space.';
  await writeFile(packager, `#!/bin/sh\necho "${words}" >&2\nexit 2\n`, { mode: 0o755 });
  expect(await packageVod({ ...options('full-out', '/dev/null'), packager })).toMatchObject({ cause: 'disk-full' });
});

const mpd = (timeline: string, number = 1) =>
  `<MPD><Period><AdaptationSet><Representation codecs="avc1.64001f"><SegmentTemplate timescale="90000" startNumber="${number}"><SegmentTimeline>${timeline}</SegmentTimeline></SegmentTemplate></Representation></AdaptationSet></Period></MPD>`;

test('a timeline is unrolled', () => {
  const { segments } = readShakaMpd(mpd('<S t="0" d="10" r="1"/><S d="5"/><S t="40" d="1"/>'));
  expect(segments.map(({ start, duration }) => [start, duration])).toEqual([
    [0, 10],
    [10, 10],
    [20, 5],
    [40, 1],
  ]);
});

test.each([
  ['another first number', mpd('<S t="0" d="1"/>', 0)],
  ['an absurd repeat', mpd('<S t="0" d="1" r="99999999"/>')],
  ['no segment', mpd('')],
  ['no duration', mpd('<S t="0"/>')],
  ['something else', '<html></html>'],
])('a timeline with %s is refused', (_, xml) => {
  expect(() => readShakaMpd(xml)).toThrow();
});
