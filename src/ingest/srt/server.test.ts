import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { ClipFolder, demux } from '../mpeg-ts/ts.fixture.js';
import { until } from '../publishing.fixture.js';
import { openSrtServer } from './server.js';
import { callAndForgeDrops, LossyRelay, pushFile, pushRaw, rejectReasonFor, SrtBench } from './srt.fixture.js';
import { agreement, data, HandCaller, named } from './srt-packets.fixture.js';

/** Real publishers at a real port: what they send must come out, frame for frame. */
let clips: ClipFolder;
let clip: string;
let long: string;
const expected = { clip: [] as string[], long: [] as string[] };

let bench: SrtBench;

const hash = (data: Buffer) => createHash('md5').update(data).digest('hex');

beforeAll(async () => {
  clips = await ClipFolder.open();
  const tone = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '25',
    '-bf',
    '0',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  const make = async (name: 'clip' | 'long', size: string, ...rate: string[]) => {
    const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`];
    const bytes = await clips.ts(`${name}.ts`, ...picture, ...tone, ...codecs, ...rate);
    const frames = demux(bytes).of('video');
    expected[name] = frames.map(({ data }) => hash(data));
  };
  await make('clip', '320x180', '-t', '1');
  await make('long', '640x360', '-crf', '12', '-t', '12');
  clip = clips.file('clip.ts');
  long = clips.file('long.ts');
});

afterAll(() => clips.close());

beforeEach(async () => {
  bench = await SrtBench.open();
});

afterEach(() => bench.close());

const session = (index: number) => {
  const found = bench.sessions[index];
  if (found === undefined) throw new Error(`there is no session ${index}`);
  return found;
};
const ended = (count: number) => until(() => bench.sessions.filter((each) => each.ended).length === count, 'the ends');
const published = (streamId: string, options = '') => pushFile(clip, bench.address(streamId, options)).done;

/** What a publisher who was let go is told on its next call. A slow machine may call too late, and is then let go again. */
async function reasonOnReturn(streamId: string): Promise<number | null> {
  for (let tries = 1; ; tries++) {
    await published(streamId);
    const reason = await rejectReasonFor(bench.port, streamId);
    if (reason || tries === 5) return reason;
  }
}

/** libsrt's thread that reads the port. */
function readsThePort(): boolean {
  const tasks = `/proc/${bench.server?.listenerPid}/task`;
  return readdirSync(tasks).some((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8').startsWith('SRT:RcvQ'));
}

it('sleeps until somebody calls', async () => {
  expect(readsThePort()).toBe(false);
  expect((await published('key-hall')).code).toBe(0);
  expect(readsThePort()).toBe(true);
});

describe('publishers', () => {
  it('on one port, two at once: every frame of each', async () => {
    const [one, two] = await Promise.all([published('key-one'), published('key-two?backup=1')]);
    expect([one.code, two.code]).toEqual([0, 0]);
    await ended(2);
    for (const each of bench.sessions) {
      const { codecs, channel, request } = each;
      expect(codecs.sort()).toEqual(['aac', 'h264']);
      expect(each.of('video')).toEqual(expected.clip);
      expect(request).toMatchObject({ protocol: 'srt', backup: channel === 'two', channel: null });
      expect(request.remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    }
    expect(bench.sessions.map(({ channel }) => channel).sort()).toEqual(['one', 'two']);
  });

  it('may use the standard form of the stream id', async () => {
    await published('#!::r=hall,m=publish,s=key-hall,backup=1');
    await ended(1);
    expect(session(0).request).toMatchObject({ streamKey: 'key-hall', channel: 'hall', backup: true });
    expect(session(0).of('video')).toEqual(expected.clip);
  });

  it('that cannot be let in are told why: at once where the stream id says it, else when they try again', async () => {
    expect(await rejectReasonFor(bench.port, '#!::r=hall,m=request,s=key-hall')).toBe(1405);
    expect(await rejectReasonFor(bench.port, '#!::r=hall,m=publish')).toBe(1400);
    expect(await rejectReasonFor(bench.port, '')).toBe(1400);
    expect(await rejectReasonFor(bench.port, 'key-nobody')).toBe(1401);
    expect(bench.sessions).toEqual([]);
    const first = pushFile(long, bench.address('key-hall'));
    await until(() => bench.sessions.length === 1, 'the first publisher');
    expect(await reasonOnReturn('key-hall')).toBe(1409);
    first.kill();
    await first.done;
    let seen = '';
    const look = setInterval(async () => {
      seen = await bench.metric('rejected_total');
    }, 100);
    await until(
      () => ['"mode"} 1', '"malformed"} 2', '"bad-key"} 1'].every((count) => seen.includes(count)),
      'the counts',
    );
    clearInterval(look);
  });

  it('are counted, and more than the limit are turned away', async () => {
    await bench.close();
    bench = await SrtBench.open({ limits: { connectionsMax: 1 } });
    const first = pushFile(long, bench.address('key-one'));
    await until(() => bench.sessions.length === 1, 'the first publisher');
    expect(await bench.metric('connections ')).toMatch(/ 1$/);
    expect(await rejectReasonFor(bench.port, 'key-two')).toBe(1402);
    first.stop();
    await ended(1);
  });

  it('show their link: in the metrics, and to whoever asks', async () => {
    const publisher = pushFile(long, bench.address('key-hall'));
    await until(() => bench.sessions[0]?.request.linkStats?.() != null, 'statistics');
    const stats = session(0).request.linkStats?.();
    expect(stats?.rttMs).toBeGreaterThan(0);
    expect(stats?.rttMs).toBeLessThan(500);
    expect(stats?.bitrate).toBeGreaterThan(100_000);
    expect(stats?.bitrate).toBeLessThan(20_000_000);
    expect(stats).toMatchObject({ lossRatio: 0, retransmits: 0 });
    expect(await bench.metric('rtt_seconds')).toContain('channel="hall",role="primary"');
    publisher.stop();
    await ended(1);
    expect(await bench.metric('rtt_seconds')).not.toContain('hall');
  });

  it('that send what is no transport stream are cut after a while, and their key is free again', async () => {
    await bench.close();
    bench = await SrtBench.open({ limits: { idleMs: 700 } });
    const noise = clips.file('noise.ts');
    await writeFile(noise, randomBytes(4_000_000));
    const left = await pushRaw(noise, bench.address('key-hall'));
    expect(left.code).not.toBe(null);
    await ended(1);
    expect(await bench.metric('cut_total')).toContain('reason="idle"');
    expect(session(0).frames).toEqual([]);
  });

  it('that send what cannot be used are let go', async () => {
    await clips.ts('mpeg2.ts', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25', '-t', '3', '-c:v', 'mpeg2video');
    await pushFile(clips.file('mpeg2.ts'), bench.address('key-hall')).done;
    await ended(1);
    expect(await bench.metric('cut_total')).toContain('reason="media"');
  });
});

describe('keys', () => {
  const sayWhy = (streamId: string) => rejectReasonFor(bench.port, streamId);

  it('that are not known are rejected during the handshake, and nobody is asked', async () => {
    expect(await sayWhy('key-nobody')).toBe(1401);
    expect(await sayWhy('#!::r=hall,m=publish,s=key-nobody')).toBe(1401);
    bench.removeKey('hall');
    expect(await sayWhy('key-hall')).toBe(1401);
    expect(await bench.metric('connections ')).toMatch(/ 0$/);
    expect(await bench.metric('cut_total')).not.toMatch(/ [1-9]/);
    expect(bench.sessions).toEqual([]);
  });

  it('are good from the moment on in which they are made', async () => {
    const alphabet = 'abcdefghijklmnopqrstuvwxyz';
    const callers: HandCaller[] = [];
    for (const letter of alphabet) {
      const channel = `fresh${letter}`;
      const caller = await HandCaller.open(bench.port);
      bench.addKey(channel);
      expect(await caller.call([agreement(), named(`key-${channel}`)])).toBeGreaterThan(0);
      callers.push(caller);
    }
    // Who hangs up before its turn has come is never heard of.
    await until(() => bench.sessions.length === alphabet.length, 'their admission');
    for (const caller of callers) caller.close();
  });
});

describe('encryption', () => {
  it('with keys of 16, 24 and 32 bytes, as the publisher chooses', async () => {
    const sizes = { a: 16, b: 24, c: 32 };
    for (const channel of Object.keys(sizes)) bench.setPassphrase(channel, 'correct-horse-1');
    await Promise.all(
      Object.entries(sizes).map(([channel, size]) =>
        published(`key-${channel}`, `&passphrase=correct-horse-1&pbkeylen=${size}`),
      ),
    );
    await ended(3);
    for (const each of bench.sessions) expect(each.of('video')).toEqual(expected.clip);
  });

  it('lets nobody in with a wrong passphrase, without one, or with one where there is none', async () => {
    bench.setPassphrase('hall', 'correct-horse-1');
    expect(await rejectReasonFor(bench.port, 'key-hall', 'wrong-horse-22')).toBe(10);
    expect(await rejectReasonFor(bench.port, 'key-hall', 'correct-horse-1')).toBe(null);
    bench.sessions.length = 0;
    const refused = await Promise.all([
      published('key-hall', '&passphrase=wrong-horse-22'),
      published('key-hall'),
      published('key-yard', '&passphrase=wrong-horse-22'),
    ]);
    for (const { code, stderr } of refused) {
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/error|reject/i);
    }
    expect(bench.sessions).toEqual([]);
    let seen = '';
    const look = setInterval(async () => {
      seen = await bench.metric('rejected_total{reason="unfinished"}');
    }, 100);
    await until(() => seen.endsWith(' 4'), 'the count of those who did not finish');
    clearInterval(look);
  });
});

describe('trouble', () => {
  it('the listener process is killed: its sessions end, and the port is back within moments', async () => {
    const { port } = bench;
    const first = pushFile(long, bench.address('key-hall'));
    await until(() => (bench.sessions[0]?.frames.length ?? 0) > 20, 'frames');
    const killed = bench.server?.listenerPid ?? 0;
    process.kill(killed, 'SIGKILL');
    await ended(1);
    await until(() => ![undefined, killed].includes(bench.server?.listenerPid), 'another process');
    first.kill();
    await first.done;
    expect(bench.port).toBe(port);
    let tries = 0;
    while ((await published('key-yard')).code !== 0) if (++tries > 5) throw new Error('the port did not come back');
    await ended(2);
    expect(session(1).of('video')).toEqual(expected.clip);
    expect(await bench.metric('listener_restarts_total')).toMatch(/ 1$/);
  });

  it('a malicious publisher harms nobody else', async () => {
    const pid = bench.server?.listenerPid;
    await callAndForgeDrops(bench.port, 'key-evil');
    const { code, stderr } = await published('key-hall');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await until(() => bench.sessions.some(({ channel, ended }) => channel === 'hall' && ended), 'its end');
    expect(bench.sessions.find(({ channel }) => channel === 'hall')?.of('video')).toEqual(expected.clip);
    expect(bench.server?.listenerPid).toBe(pid);
  });

  it('a publisher whose packets have no numbers left is asked to call again', async () => {
    const sequence = 0x7fff0000 - 5;
    const caller = await HandCaller.open(bench.port);
    const connection = await caller.call([agreement(), named('key-hall')], { sequence });
    expect(connection).toBeGreaterThan(0);
    const filler = Buffer.alloc(188 * 7, 0xff);
    for (let at = 0; at < filler.length; at += 188) filler.writeUInt32BE(0x471fff10, at);
    await until(() => bench.sessions.length === 1, 'its admission');
    for (let sent = 0; !session(0).ended; sent++) {
      caller.send(data(sequence + sent, connection ?? 0, filler));
      await sleep(20);
    }
    caller.close();
    expect(await bench.metric('listener_restarts_total')).toMatch(/ 0$/);
    expect(await bench.metric('cut_total')).not.toContain('idle');
  });

  it('our own process is killed: the listener ends with it', async () => {
    const built = (file: string) => new URL(`../../../dist/${file}`, import.meta.url).href;
    const script = `
      import { openSrtServer } from '${built('ingest/srt/server.js')}';
      import { silentLog } from '${built('telemetry/log.js')}';
      import { Metrics } from '${built('telemetry/metrics.js')}';
      const keys = { follow: async () => () => {} };
      const { server } = await openSrtServer({
        host: '127.0.0.1', port: 0, publishing: {}, keys, log: silentLog, metrics: new Metrics(),
      });
      console.log(server.listenerPid);
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = await once(parent.stdout, 'data');
    const stat = `/proc/${String(pid).trim()}/stat`;
    expect(existsSync(stat)).toBe(true);
    parent.kill('SIGKILL');
    // Where the system's first process is slow to reap, it is a zombie for a while.
    await until(() => !existsSync(stat) || readFileSync(stat, 'utf8').includes(') Z '), 'its end');
  });

  it('random datagrams at the port harm nobody', async () => {
    const publisher = pushFile(clip, bench.address('key-hall'));
    await until(() => (bench.sessions[0]?.frames.length ?? 0) > 5, 'frames');
    const socket = createSocket('udp4');
    const noise = fc.sample(fc.uint8Array({ maxLength: 1500 }), { numRuns: 2000, seed: 7 });
    // The head of a handshake request, so that some noise gets further.
    const head = Buffer.from('800000000000000000000000000000000000000500000000', 'hex');
    for (const [index, bytes] of noise.entries()) {
      socket.send(index % 2 === 0 ? bytes : Buffer.concat([head, bytes]).subarray(0, 1472), bench.port, '127.0.0.1');
    }
    await publisher.done;
    socket.close();
    await ended(1);
    expect(session(0).of('video')).toEqual(expected.clip);
    expect(await bench.metric('listener_restarts_total')).toMatch(/ 0$/);
  });

  it('a feed that does not keep up stops its own publisher alone', async () => {
    const slow = pushFile(long, bench.address('key-slow'));
    await until(() => (bench.sessions[0]?.frames.length ?? 0) > 20, 'frames');
    session(0).blocked = true;
    // What was on its way still comes.
    let heldAt = -1;
    while (heldAt !== session(0).frames.length) {
      heldAt = session(0).frames.length;
      await sleep(700);
    }
    const other = await published('key-other');
    expect(other.code).toBe(0);
    await until(() => session(1).ended, 'the end of the other');
    expect(session(1).of('video')).toEqual(expected.clip);
    expect(session(0).frames.length).toBe(heldAt);
    session(0).release();
    await until(() => session(0).frames.length > heldAt + 50, 'what comes after');
    slow.kill();
    await slow.done;
  });

  it('two of a hundred packets are lost both ways: nothing is missing', async () => {
    const relay = await LossyRelay.open({ to: bench.port, loss: 0.02, seed: 20_260_101 });
    const publisher = pushFile(long, bench.address('key-hall', '&latency=400000', relay.port), '-t', '5');
    await until(() => (bench.sessions[0]?.of('video').length ?? 0) > 90, 'most of it', 30_000);
    // What is lost after the last packet is never missed by the receiver.
    relay.loss = 0;
    await publisher.done;
    await ended(1);
    expect(relay.lost).toBeGreaterThan(20);
    const got = session(0).of('video');
    expect(got.length).toBeGreaterThanOrEqual(125);
    expect(got).toEqual(expected.long.slice(0, got.length));
    relay.close();
  });

  it('the address that means all of IPv6 serves IPv4 as well', async () => {
    await bench.close();
    bench = await SrtBench.open({ host: '::' });
    const { code } = await published('key-hall');
    expect(code).toBe(0);
    await ended(1);
    expect(session(0).request.remoteAddress).toMatch(/^127\.0\.0\.1:/);
    expect(session(0).of('video')).toEqual(expected.clip);
  });

  it('the address is taken: says so, and leaves no process behind', async () => {
    const options = {
      host: '127.0.0.1',
      port: bench.port,
      publishing: bench,
      keys: { follow: async () => () => {} },
      log: silentLog,
      metrics: new Metrics(),
    };
    await expect(openSrtServer(options)).rejects.toMatchObject({ code: 'ingest.address-in-use' });
  });

  it('closing lets publishers go, frees the port, and leaves no process', async () => {
    const publisher = pushFile(long, bench.address('key-hall'));
    await until(() => (bench.sessions[0]?.frames.length ?? 0) > 5, 'frames');
    const { port } = bench;
    const pid = bench.server?.listenerPid;
    await bench.close();
    expect(session(0).ended).toBe(true);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect((await publisher.done).code).not.toBe(null);
    bench = await SrtBench.open({ port });
    expect(bench.port).toBe(port);
  });
});
