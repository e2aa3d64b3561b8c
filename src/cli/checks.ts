import { createSocket } from 'node:dgram';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { judgeDays } from '../http/certificate-files.js';
import { readCertificatePair } from '../http/certificate-pair.js';
import { loadUws } from '../http/load-uws.js';
import { probeLibSrt } from '../ingest/srt/listener-child.js';
import { loadWebrtc } from '../ingest/whip/load-webrtc.js';
import { messageOf } from '../telemetry/failure.js';
import { silentLog } from '../telemetry/log.js';
import { ffmpegVersion, probeEncoders } from '../transcode/hardware.js';
import { learnHardware } from '../transcode/hardware-inventory.js';
import { describeGpu, type GpuReport } from '../transcode/hardware-report.js';
import { parseAddress } from './address.js';
import { readReadyFile } from './api-client.js';
import type { Settings } from './config-schema.js';
import { whyNodesEngine } from './nodes-engine.js';
import { formatBytes } from './output.js';

/** What `headwater doctor` looks at: each check says what it found and, when that is not well, what to do about it. */
export interface Check {
  readonly name: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** Empty when all is well and there is nothing else to know. */
  readonly todo: string;
}

const ok = (name: string, found: string): Check => ({ name, verdict: 'ok', found, todo: '' });
/** Well, and yet something to know. */
const note = (name: string, found: string, known: string): Check => ({ name, verdict: 'ok', found, todo: known });
const warn = (name: string, found: string, todo: string): Check => ({ name, verdict: 'warn', found, todo });
const fail = (name: string, found: string, todo: string): Check => ({ name, verdict: 'fail', found, todo });

const diskWarnBytes = 5 * 2 ** 30;
const diskFailBytes = 200 * 2 ** 20;

/** With `hardware` every GPU is tried, which takes seconds for each. */
export async function runChecks(settings: Settings, { hardware = false } = {}): Promise<Check[]> {
  return [
    checkNode(),
    await checkFfmpeg(settings),
    ...(await checkEncoders(settings)),
    ...(hardware ? await checkGpus(settings) : []),
    checkHttpEngine(settings),
    ...checkCertificate(settings),
    ...checkMigration(settings),
    ...(await checkSrt(settings)),
    ...(await checkWebrtc(settings)),
    checkDataFolder(settings),
    await checkDisk(settings),
    ...(await checkPorts(settings)),
  ];
}

function checkNode(): Check {
  return ok('node', `${process.versions.node}, ABI ${process.versions.modules}`);
}

async function checkFfmpeg({ transcode }: Settings): Promise<Check> {
  try {
    return ok('ffmpeg', (await ffmpegVersion({ log: silentLog, binary: transcode.ffmpeg })).text);
  } catch (error) {
    return fail(
      'ffmpeg',
      messageOf(error),
      'sudo apt-get install ffmpeg, or name one with --set transcode.ffmpeg=PATH',
    );
  }
}

async function checkEncoders({ transcode }: Settings): Promise<Check[]> {
  const probes = await probeEncoders({ log: silentLog, binary: transcode.ffmpeg });
  return probes.map(({ name, usable, message }) =>
    usable
      ? ok(`encoder ${name}`, 'encoded a picture or a tone')
      : fail(`encoder ${name}`, message, `install an ffmpeg that has ${name} (Debian's has)`),
  );
}

/** What is found is kept where the box looks at its start. */
async function checkGpus({ transcode, data }: Settings): Promise<Check[]> {
  const file = existsSync(data) ? join(data, 'hardware.json') : null;
  try {
    const options = { log: silentLog, binary: transcode.ffmpeg, file, fresh: true };
    const { gpus } = await learnHardware(options);
    if (gpus.length === 0) return [ok('gpu', 'none here: the CPU encodes')];
    return gpus.flatMap(checkGpu);
  } catch (error) {
    return [fail('gpu', messageOf(error), 'ffmpeg must run before a GPU can be tried')];
  }
}

function checkGpu(report: GpuReport): Check[] {
  const name = `gpu ${report.gpu.id}`;
  const tried = report.probes.map(({ api, does, codec, usable, speed, message }): Check => {
    const found = usable ? `${speed} times real time at 720p30` : message;
    return ok(`${name} ${api} ${does} ${codec}`, usable ? found : `no: ${found}`);
  });
  if (report.probes.some(({ usable }) => usable)) return [ok(name, describeGpu(report)), ...tried];
  const todo =
    'install its driver, and an ffmpeg that is built for it; the user of the box must be in the group render';
  return [warn(name, describeGpu(report), todo), ...tried];
}

function checkHttpEngine(settings: Settings): Check {
  const why = whyNodesEngine(settings);
  if (why !== null) return ok('http engine', `Node's own server (${why})`);
  const uws = loadUws();
  if (uws.loaded) return ok('http engine', `uWebSockets.js (${uws.package})`);
  const todo =
    'nothing is broken; a Node or Debian release that its prebuilt binary supports would serve more per core';
  const reasons = uws.tried.map((miss) => `${miss.package}: ${miss.reason}`).join('; ');
  return warn('http engine', `Node's own server (${reasons})`, todo);
}

/** Nothing to say where no door speaks TLS. */
function checkCertificate({ https, https1 }: Settings): Check[] {
  const { certFile, keyFile } = https;
  if (certFile === null || keyFile === null) {
    const wanted = https.listen !== null || https1.listen !== null;
    if (!wanted && certFile === null && keyFile === null) return [];
    return [fail('certificate', 'only half of it is named', 'give both --tls-cert FILE and --tls-key FILE')];
  }
  const verdict = readCertificatePair(certFile, keyFile);
  if (!verdict.ok) return [fail('certificate', verdict.message, verdict.hint)];
  const { standing, words } = judgeDays(verdict.pair, Date.now());
  const found = `${verdict.pair.subject}: ${words}`;
  if (standing === 'good') return [ok('certificate', found)];
  return [warn('certificate', found, 'have it renewed; the box takes the new files by itself')];
}

/** Whether the kernel hands connections that are being made to the listen socket of a new certificate. */
function checkMigration(settings: Settings): Check[] {
  if (settings.https1.listen === null || whyNodesEngine(settings) !== null || !loadUws().loaded) return [];
  const setting = 'net.ipv4.tcp_migrate_req';
  const value = readSystemSetting(setting);
  if (value === null) return [];
  if (value === '1') return [ok('https1', `${setting} is 1: a renewed certificate costs no connection`)];
  const found = `${setting} is ${value}: a renewed certificate may cost connections that are just being made`;
  return [warn('https1', found, `sysctl -w ${setting}=1, and the same line in a file of /etc/sysctl.d to keep it`)];
}

/** Null: this system has no such setting. */
function readSystemSetting(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return null;
  }
}

/** The first version that stands what malicious callers can send. */
const LIBSRT_MENDED = '1.5.7';
const LIBSRT_NOTE =
  `older than ${LIBSRT_MENDED}, and not behind a packet filter: a malicious caller can interrupt SRT for everybody, or worse; your ` +
  'distribution may have mended it in its own version. Keep SRT off the open internet, or let your firewall pass its port to your ' +
  'encoders alone';

/** Of versions such as 1.5.1. */
function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

/** Nothing to say where SRT is switched off. */
async function checkSrt({ srt }: Settings): Promise<Check[]> {
  if (srt.listen === null) return [];
  const found = await probeLibSrt();
  if (!('missing' in found)) {
    const version = `libsrt ${found.version} (${found.library})`;
    if (found.unfiltered === null) return [ok('srt', `${version} behind a packet filter`)];
    const open = `${version}, ${found.unfiltered}`;
    return [isOlder(found.version, LIBSRT_MENDED) ? note('srt', open, LIBSRT_NOTE) : ok('srt', open)];
  }
  const todo = 'SRT is off; all else works. sudo apt-get install libsrt1.5-gnutls, or set srt.listen to null';
  return [warn('srt', found.missing, todo)];
}

/** Nothing to say where WHIP is switched off. */
async function checkWebrtc({ webrtc }: Settings): Promise<Check[]> {
  if (webrtc.listen === null) return [];
  const loaded = await loadWebrtc();
  if (loaded.loaded) return [ok('webrtc', `libdatachannel ${loaded.version}`)];
  const todo = 'WHIP publishers are refused; all else works. Install again with npm ci, or set webrtc.listen to null';
  return [warn('webrtc', loaded.reason, todo)];
}

function checkDataFolder({ data }: Settings): Check {
  const folder = nearestFolder(data);
  try {
    accessSync(folder, constants.W_OK);
    return ok('data folder', existsSync(data) ? resolve(data) : `${resolve(data)} (will be made)`);
  } catch (error) {
    return fail(
      'data folder',
      messageOf(error),
      'name another with --data DIR, or give this user the right to write there',
    );
  }
}

async function checkDisk({ data }: Settings): Promise<Check> {
  const { bavail, bsize } = await statfs(nearestFolder(data));
  const free = bavail * bsize;
  const found = `${formatBytes(free)} free`;
  const todo =
    'delete videos (headwater video delete), lower live.spoolBytesMax, or move the data folder to a larger disk';
  if (free < diskFailBytes) return fail('disk', found, todo);
  return free < diskWarnBytes ? warn('disk', found, todo) : ok('disk', found);
}

function nearestFolder(path: string): string {
  const folder = resolve(path);
  return existsSync(folder) ? folder : nearestFolder(dirname(folder));
}

/** A port in use is well when it is this very box that uses it. */
async function checkPorts({ http, https, https1, rtmp, rtmps, srt, webrtc, admin, data }: Settings): Promise<Check[]> {
  const ready = readReadyFile(data);
  const doors = [
    { name: 'http', listen: http.listen, used: ready?.http },
    ...(https.listen === null ? [] : [{ name: 'https', listen: https.listen, used: ready?.https }]),
    ...(https1.listen === null ? [] : [{ name: 'https1', listen: https1.listen, used: ready?.https1 }]),
    { name: 'rtmp', listen: rtmp.listen, used: ready?.rtmp },
    ...(rtmps.listen === null ? [] : [{ name: 'rtmps', listen: rtmps.listen, used: ready?.rtmps }]),
    ...(srt.listen === null ? [] : [{ name: 'srt', listen: srt.listen, used: ready?.srt, udp: true }]),
    ...(webrtc.listen === null ? [] : [{ name: 'webrtc', listen: webrtc.listen, used: ready?.webrtc, udp: true }]),
    { name: 'admin', listen: admin.listen, used: ready?.admin },
  ];
  return Promise.all(
    doors.map(async ({ name, listen, used, udp = false }) => {
      if (used !== undefined) return ok(`port ${name}`, `${used}, in use by the box on this data folder`);
      const trouble = await (udp ? bindTroubleUdp : bindTrouble)(listen);
      return trouble === null
        ? ok(`port ${name}`, `${listen} is free`)
        : fail(
            `port ${name}`,
            `${listen}: ${trouble}`,
            `stop what listens there (ss -l${udp ? 'u' : 't'}np), or take another with --${name} ADDR:PORT`,
          );
    }),
  );
}

function bindTrouble(listen: string): Promise<string | null> {
  const { host, port } = parseAddress(listen);
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error) => done(messageOf(error)));
    server.listen(port, host, () => server.close(() => done(null)));
  });
}

function bindTroubleUdp(listen: string): Promise<string | null> {
  const { host, port } = parseAddress(listen);
  return new Promise((done) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => done(messageOf(error)));
    socket.bind(port, host, () => socket.close(() => done(null)));
  });
}
