import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { recordedOffer } from './recorded.fixture.js';
import { agree, mediaAgreement } from './sdp/agreement.js';
import { readLocalTransport, writeTransportOffer } from './sdp/answer.js';
import { readOffer } from './sdp/offer.js';
import { openWebrtcProcess, type TransportEvents, type WebrtcProcess } from './webrtc-process.js';

const opened: WebrtcProcess[] = [];
let deaths = 0;

async function open(port = 0): Promise<WebrtcProcess> {
  const onDeath = () => {
    deaths++;
  };
  const webrtc = await openWebrtcProcess({ host: '127.0.0.1', port, bitrateMaxBps: 1e6, log: silentLog, onDeath });
  opened.push(webrtc);
  return webrtc;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((webrtc) => webrtc.close()));
});

/** A session in it, of an offer that nobody will follow up. */
async function openSession(webrtc: WebrtcProcess) {
  const read = readOffer(recordedOffer('chromium-vp8'));
  const agreement = read.ok ? agree(read.offer) : null;
  if (!read.ok || agreement === null) throw new Error('the recorded offer is not taken');
  const closed: string[] = [];
  const nothing = () => {};
  const events: TransportEvents = {
    onConnected: nothing,
    onConfig: nothing,
    onFrame: nothing,
    onStats: nothing,
    onClosed: (reason) => closed.push(reason),
  };
  const opening = await webrtc.openTransport(writeTransportOffer(read.offer), mediaAgreement(agreement), events);
  return { opening, closed };
}

it('opens sessions on one port, and goes on after it was killed, on that port', async () => {
  const webrtc = await open();
  const { port, pid } = webrtc;
  expect(webrtc).toMatchObject({ running: true, unable: null });
  expect(port).toBeGreaterThan(0);
  const sessions = await Promise.all([openSession(webrtc), openSession(webrtc)]);
  const locals = sessions.map(({ opening }) => (opening.ok ? readLocalTransport(opening.answer) : null));
  expect(new Set(locals.map((local) => local?.iceUfrag)).size).toBe(2);
  for (const local of locals) expect(local?.candidates[0]).toContain(`127.0.0.1 ${port} typ host`);
  deaths = 0;
  process.kill(pid ?? 0, 'SIGKILL');
  await expect.poll(() => sessions.map(({ closed }) => closed.length), { timeout: 60_000 }).toEqual([1, 1]);
  expect(deaths).toBe(1);
  expect((await openSession(webrtc)).opening.ok).toBe(false);
  await expect.poll(() => webrtc.running, { timeout: 60_000 }).toBe(true);
  expect(webrtc.port).toBe(port);
  expect(webrtc.pid).not.toBe(pid);
  expect((await openSession(webrtc)).opening.ok).toBe(true);
});

it('refuses a port that is taken, with what to do about it', async () => {
  const { port } = await open();
  await expect(open(port)).rejects.toMatchObject({
    code: 'ingest.address-in-use',
    hint: expect.stringContaining('--webrtc'),
  });
});

it('closes sessions for good, and opens others in their place', async () => {
  const webrtc = await open();
  for (let round = 0; round < 20; round++) {
    const { opening, closed } = await openSession(webrtc);
    if (!opening.ok) throw new Error(opening.message);
    opening.transport.addCandidates(['candidate:1 1 UDP 1 127.0.0.1 9 typ host']);
    opening.transport.needKey();
    opening.transport.close();
    expect(closed).toEqual([]);
  }
  expect(webrtc.running).toBe(true);
});

it('stands what comes to its port from anybody', async () => {
  const webrtc = await open();
  const { pid } = webrtc;
  const { opening, closed } = await openSession(webrtc);
  const ufrag = opening.ok ? readLocalTransport(opening.answer)?.iceUfrag : '';
  const socket = createSocket('udp4');
  const send = (bytes: Buffer) => new Promise((resolve) => socket.send(bytes, webrtc.port, '127.0.0.1', resolve));
  for (let count = 0; count < 2000; count++) {
    const bytes = randomBytes(count % 200);
    // A third looks like a STUN request for the session that is open, a third like DTLS or RTP.
    if (count % 3 === 0) bytes.write('000100002112a442', 0, 'hex');
    if (count % 6 === 0) bytes.write(`${ufrag}:x`, Math.min(24, bytes.length), 'latin1');
    if (count % 3 === 1 && bytes.length > 0) bytes.writeUInt8([20, 22, 128, 144][count % 4] ?? 0, 0);
    await send(bytes);
  }
  socket.close();
  expect((await openSession(webrtc)).opening.ok).toBe(true);
  expect(webrtc.pid).toBe(pid);
  expect(closed).toEqual([]);
});
