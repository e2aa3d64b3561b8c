import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiClient, findBox } from '../../src/cli/api-client.js';
import { selfSigned } from '../../src/http/certificate.fixture.js';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { judgeBoxes } from '../box-judge.js';
import { fakeDevices, openBrowser } from '../browser.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { probe } from '../judges.js';
import { KeptRun } from '../kept-run.js';
import { Screen } from '../screen.js';
import { type Channel, liveNow, newChannel } from '../watched-channel.js';
import { publishWhip, type WhipPage } from '../whip-page.js';

// Eight encoders, eight transcodes and eight players on what may be a small and busy machine.
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 });

/**
 * Two publishers of each protocol, all at once on one box, each watched in a browser through the edge; and everything that the
 * box served meanwhile, kept and judged when it is over.
 */
const WATCHED_SEC = 5;
/** The machine may be busy with other tests; a player that is not served stands for longer. */
const STALL_SEC_MAX = 8;

const presets = `
presets:
  two-rungs:
    video: [{ height: 180, bitrate: 200000 }, { height: 90, bitrate: 80000 }]
    audio: { bitrate: 64000 }
  one-rung:
    video: [{ height: 180, bitrate: 200000 }]
    audio: { bitrate: 64000 }
  own-and-smaller:
    video: [{ passthrough: true }, { height: 90, bitrate: 80000 }]
    audio: { bitrate: 64000, passthrough: true }
`;

interface Plan {
  readonly protocol: 'rtmp' | 'rtmps' | 'srt' | 'whip';
  readonly preset: string;
  readonly pictures: number;
  readonly passphrase?: string;
  readonly start: (channel: Channel) => Promise<void> | void;
}

let box: TestBox;
let api: ApiClient;
let browser: Browser;
const pages: WhipPage[] = [];
const encoders: Encoder[] = [];
const onAir: { name: string; plan: Plan; channel: Channel; run: KeptRun }[] = [];

const encode = (address: string) => void encoders.push(new Encoder(address, { size: '320x180', rate: 15 }));
const byBrowser = async (codec: 'video/H264' | 'video/VP8', streamKey: string) => {
  const page = await browser.newPage();
  await page.goto(`${box.http}/`);
  pages.push(await publishWhip(page, { url: `${box.http}/whip`, streamKey, codec, width: 320, height: 180 }));
};
const standardId = ({ name, streamKey }: Channel) => `#!::r=${name},m=publish,s=${streamKey}`;

const plans: Record<string, Plan> = {
  'rtmp-ladder': { protocol: 'rtmp', preset: 'two-rungs', pictures: 2, start: ({ rtmpUrl }) => encode(rtmpUrl) },
  'rtmp-copied': { protocol: 'rtmp', preset: 'passthrough', pictures: 1, start: ({ rtmpUrl }) => encode(rtmpUrl) },
  'rtmps-mixed': {
    protocol: 'rtmps',
    preset: 'own-and-smaller',
    pictures: 2,
    start: ({ rtmpsUrl }) => encode(rtmpsUrl),
  },
  'rtmps-copied': { protocol: 'rtmps', preset: 'passthrough', pictures: 1, start: ({ rtmpsUrl }) => encode(rtmpsUrl) },
  'srt-secret': {
    protocol: 'srt',
    preset: 'one-rung',
    pictures: 1,
    passphrase: 'not-for-everybody',
    start: ({ srtUrl }) => encode(srtUrl),
  },
  'srt-standard': {
    protocol: 'srt',
    preset: 'passthrough',
    pictures: 1,
    start: (channel) => encode(`srt://${box.ready.srt}?streamid=${standardId(channel)}`),
  },
  'whip-h264': {
    protocol: 'whip',
    preset: 'one-rung',
    pictures: 1,
    start: ({ streamKey }) => byBrowser('video/H264', streamKey),
  },
  'whip-vp8': {
    protocol: 'whip',
    preset: 'one-rung',
    pictures: 1,
    start: ({ streamKey }) => byBrowser('video/VP8', streamKey),
  },
};

beforeAll(async () => {
  const folder = newFolder();
  const [config, certFile, keyFile] = ['box.yaml', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const { cert, key } = selfSigned();
  writeFileSync(config, presets);
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const files = ['--config', config, '--set', `rtmps.certFile=${certFile}`, '--set', `rtmps.keyFile=${keyFile}`];
  const sets = [
    'transcode.pixelsPerSecond=200000000',
    'live.graceSec=0',
    'transcode.hardware=off',
    'live.windowSegments=20',
  ];
  const args = [...files, '--rtmps', '127.0.0.1:0', ...sets.flatMap((each) => ['--set', each])];
  [box, browser] = await Promise.all([startBox({ args }), openBrowser(fakeDevices)]);
  api = new ApiClient(findBox({ data: box.data }));
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

it('takes two publishers of each protocol at once', async () => {
  for (const [name, plan] of Object.entries(plans)) {
    const channel = await newChannel(api, name, { preset: plan.preset, srtPassphrase: plan.passphrase ?? null });
    const run = KeptRun.follow(channel.hlsUrl);
    await plan.start(channel);
    onAir.push({ name, plan, channel, run });
  }
  const protocols = async () =>
    Object.fromEntries((await liveNow(api)).map(({ channel, sources }) => [channel, sources[0]?.protocol]));
  const expected = Object.fromEntries(Object.entries(plans).map(([name, { protocol }]) => [name, protocol]));
  await until(
    async () => Object.keys(await protocols()).length === onAir.length,
    60_000,
    () => `${encoders.map(({ said }) => said)}\n${box.printed().slice(-5000)}`,
  );
  expect(await protocols()).toEqual(expected);
});

/** How many the box says that the channel's broadcast had. */
function feedsOf(name: string): number {
  const over = new RegExp(`"channel":"${name}"[^\\n]*"feeds":(\\d+),"msg":"broadcast over"`).exec(box.printed());
  return Number(over?.[1]);
}

const both = (protocol: string) => onAir.filter(({ plan }) => plan.protocol === protocol);

describe.each(['rtmp', 'rtmps', 'srt', 'whip'])('two by %s', (protocol) => {
  it('play in a browser: pictures move on, without an error', async () => {
    const screens = await Promise.all(both(protocol).map(({ channel }) => Screen.open(browser, channel.watchUrl)));
    expect(screens).toHaveLength(2);
    const shown = () => Promise.all(screens.map((screen) => screen.shown()));
    await until(
      async () => (await shown()).every(({ steadySec }) => steadySec > WATCHED_SEC),
      100_000,
      () => box.printed().slice(-5000),
    );
    for (const { errors, frames, longestStallSec } of await shown()) {
      expect(errors).toEqual([]);
      // Fifteen a second were sent; a browser that lacks time drops some.
      expect(frames).toBeGreaterThan(WATCHED_SEC * 5);
      expect(longestStallSec).toBeLessThan(STALL_SEC_MAX);
    }
    await Promise.all(screens.map((screen) => screen.close()));
  });

  it('are read by ffprobe, as HLS and as DASH', async () => {
    for (const { channel, plan } of both(protocol)) {
      for (const streams of await Promise.all([probe(channel.hlsUrl), probe(channel.dashUrl)])) {
        const codecs = streams.map(({ codec_name }) => codec_name);
        expect(codecs.filter((codec) => codec === 'h264').length).toBeGreaterThanOrEqual(plan.pictures);
        expect(codecs).toContain('aac');
      }
    }
  });
});

it('serves, from the first picture to the last, only what strict parsers take', async () => {
  await Promise.all([...encoders.map((encoder) => encoder.stop('SIGTERM')), ...pages.map((page) => page.stop())]);
  await until(
    () => onAir.every(({ run }) => run.over),
    60_000,
    () => box.printed().slice(-5000),
  );
  for (const { name, plan, run } of onAir) {
    await run.done;
    expect(run.faults, name).toEqual([]);
    const judged = [...run.renditions.values()].map(judgeBoxes);
    // A header for each feed: one, unless a machine that is too busy left the publisher no time for a second.
    for (const stretches of judged) expect(stretches.length, name).toBeLessThanOrEqual(feedsOf(name));
    const kinds = judged.map(([first]) => first?.kind);
    expect(kinds.sort(), name).toEqual(['audio', ...Array.from({ length: plan.pictures }, () => 'video')]);
    for (const [first] of judged) expect(first?.seconds, name).toBeGreaterThan(WATCHED_SEC);
    expect(run.accepted, name).toBeGreaterThan(2 * judged.length);
  }
});
