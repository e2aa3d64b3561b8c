import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../media/frame.js';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { PublisherSession } from '../broadcast.js';
import type { Admission, PublishRequest } from '../publish.js';
import { recordedOffer } from './recorded.fixture.js';
import { WhipServer, type WhipServerOptions } from './server.js';
import type { TransportEvents } from './webrtc-process.js';
import { WhipMetrics } from './whip-metrics.js';

const OFFER = recordedOffer('chromium-h264');
const UFRAG = /a=ice-ufrag:(\S+)/.exec(OFFER)?.[1] ?? '';
const LOCAL_SDP = [
  'v=0',
  'o=rtc 1 0 IN IP4 127.0.0.1',
  'a=fingerprint:sha-256 AA:BB',
  'm=video 8189 UDP/TLS/RTP/SAVPF 96',
  'a=setup:passive',
  'a=ice-ufrag:ours',
  'a=ice-pwd:ourpasswordourpasswordou',
  'a=candidate:1 1 UDP 2114977791 127.0.0.1 8189 typ host',
  '',
].join('\r\n');
const frame = (track: 'video' | 'audio', key = true): Frame => {
  const codec = track === 'video' ? 'h264' : 'opus';
  return { track, codec, dts: 0, pts: 0, timescale: 1000, key, data: Buffer.from([1]) };
};

/** A publishing side that knows the key `good`, a WebRTC side without WebRTC, and a real HTTP server before them. */
class Scene {
  readonly requests: PublishRequest[] = [];
  readonly transports: { events: TransportEvents; calls: string[] }[] = [];
  readonly got: string[] = [];
  readonly webrtc = {
    port: 8189,
    running: true,
    unable: null as string | null,
    answer: LOCAL_SDP,
    openTransport: this.#open.bind(this),
  };
  admission: Admission | null = null;
  /** What the channel says to frames, and what it waits for then. */
  takes = true;
  drain = () => {};
  url = '';
  #server: Server | null = null;
  whip: WhipServer | null = null;

  async start(limits: WhipServerOptions['limits'] = {}): Promise<this> {
    const whip = new WhipServer({
      path: '/whip',
      publishing: { admit: async (request) => this.#admit(request) },
      webrtc: this.webrtc,
      publicAddresses: ['192.0.2.9'],
      remoteAddress: (req: IncomingMessage) => req.socket.remoteAddress ?? '',
      log: silentLog,
      metrics: new WhipMetrics(new Metrics()),
      limits,
    });
    this.whip = whip;
    this.#server = createServer((req, res) => whip.handle(req, res)).listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server?.once('listening', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    this.whip?.close();
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  post(options: { path?: string; body?: string; headers?: Record<string, string> } = {}): Promise<Response> {
    const { path = '/whip', body = OFFER, headers = {} } = options;
    const all = { 'content-type': 'application/sdp', authorization: 'Bearer good', ...headers };
    return fetch(this.url + path, { method: 'POST', body, headers: all });
  }

  async publish(): Promise<{ location: string; etag: string; events: TransportEvents; calls: string[] }> {
    const answer = await this.post();
    expect(answer.status).toBe(201);
    const { headers } = answer;
    const last = this.transports.at(-1);
    if (last === undefined) throw new Error('no transport was opened');
    return { location: this.url + (headers.get('location') ?? ''), etag: headers.get('etag') ?? '', ...last };
  }

  #admit(request: PublishRequest): Admission {
    this.requests.push(request);
    if (this.admission !== null) return this.admission;
    if (request.streamKey !== 'good') return { ok: false, reason: 'bad-key', message: 'the stream key is not valid' };
    const session: PublisherSession = {
      channel: 'town-hall',
      broadcastId: 'b',
      config: ({ codec }) => {
        this.got.push(`config ${codec}`);
        if (codec === 'vp9') return { ok: false, message: 'vp9 is not for us' };
        const facts = { codec, sampleRate: 48_000, channels: 2 };
        return { ok: true, facts: { track: 'audio', facts } };
      },
      metadata: () => {},
      cue: () => {},
      frame: ({ track, key }) => {
        this.got.push(`${track}${key ? ' key' : ''}`);
        return this.takes;
      },
      drained: () => new Promise((resolve) => (this.drain = resolve)),
      end: () => this.got.push('end'),
    };
    return { ok: true, session };
  }

  async #open(_offer: string, _agreement: unknown, events: TransportEvents) {
    const calls: string[] = [];
    this.transports.push({ events, calls });
    const transport = {
      addCandidates: (candidates: readonly string[]) => void calls.push(`candidates ${candidates.length}`),
      needKey: () => void calls.push('need-key'),
      close: () => void calls.push('close'),
    };
    return { ok: true, transport, answer: this.webrtc.answer } as const;
  }
}

let scene: Scene;
afterEach(() => scene.stop());

describe('POST /whip', () => {
  it('answers 201 with an address of 128 bits, an entity tag and an answer, to pages of any origin', async () => {
    scene = await new Scene().start();
    const answer = await scene.post({ path: '/whip?backup=1' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toMatch(/^\/whip\/[0-9a-f]{32}$/);
    expect(answer.headers.get('etag')).toMatch(/^"[0-9a-f]{16}"$/);
    expect(answer.headers.get('content-type')).toBe('application/sdp');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')).toContain('Location');
    const sdp = await answer.text();
    expect(sdp).toContain('a=candidate:p0 1 UDP 2130706431 192.0.2.9 8189 typ host');
    expect(sdp).toContain('127.0.0.1 8189');
    expect(scene.requests[0]).toMatchObject({ streamKey: 'good', channel: null, backup: true, protocol: 'whip' });
    expect((await scene.publish()).location).not.toContain(answer.headers.get('location') ?? '');
    expect(scene.requests[1]?.backup).toBe(false);
  });

  it.each([
    [401, { headers: { authorization: '' } }],
    [401, { headers: { authorization: 'Basic Z29vZA==' } }],
    [401, { headers: { authorization: 'Bearer wrong' } }],
    [415, { headers: { 'content-type': 'application/json' } }],
    [400, { body: 'v=0' }],
    [406, { body: OFFER.replaceAll(/H264|VP8|opus/g, 'none') }],
    [413, { body: OFFER + 'a=x\r\n'.repeat(20_000) }],
    [404, { path: '/whip/0123456789abcdef0123456789abcdef' }],
  ])('answers %i with a problem document (%#)', async (status, request) => {
    scene = await new Scene().start();
    const answer = await scene.post(request as Parameters<Scene['post']>[0]);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    if (status === 401) expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    if (status === 415) expect(answer.headers.get('accept-post')).toBe('application/sdp');
    const document = (await answer.json()) as { type: string; status: number };
    expect(document).toMatchObject({ status, type: expect.stringMatching(/^urn:headwater:problem:whip-/) });
    expect(scene.transports).toHaveLength(0);
  });

  it('says why a channel is not to be had', async () => {
    scene = await new Scene().start();
    scene.admission = { ok: false, reason: 'busy', message: 'channel town-hall is already publishing' };
    const busy = await scene.post();
    expect([busy.status, ((await busy.json()) as { detail: string }).detail]).toEqual([409, scene.admission.message]);
    scene.admission = { ok: false, reason: 'denied', message: 'not tonight' };
    expect((await scene.post()).status).toBe(403);
    scene.admission = { ok: false, reason: 'unavailable', message: 'try again' };
    const later = await scene.post();
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '2']);
  });

  it('answers 503 where WebRTC is missing, is being started, is full or gives no transport', async () => {
    scene = await new Scene().start({ sessionsMax: 1 });
    const refused = async () => {
      const answer = await scene.post();
      expect(answer.status).toBe(503);
      return ((await answer.json()) as { detail: string }).detail;
    };
    scene.webrtc.unable = 'no binary for this machine';
    expect(await refused()).toContain('no binary for this machine');
    scene.webrtc.unable = null;
    scene.webrtc.running = false;
    expect(await refused()).toContain('being started');
    scene.webrtc.running = true;
    scene.webrtc.answer = 'nonsense';
    expect(await refused()).toContain('could not be opened');
    expect(scene.got).toEqual(['end']);
    scene.webrtc.answer = LOCAL_SDP;
    await scene.publish();
    expect(await refused()).toContain('taken');
  });

  it('tells a page and a publisher what it takes, and takes nothing else', async () => {
    scene = await new Scene().start();
    const preflight = await fetch(`${scene.url}/whip`, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('accept-post')).toBe('application/sdp');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
    const { location } = await scene.publish();
    for (const [address, methods] of [
      [`${scene.url}/whip`, ['GET', 'PUT', 'DELETE', 'PATCH']],
      [location, ['GET', 'PUT', 'POST']],
    ] as const) {
      for (const method of methods) {
        const answer = await fetch(address, { method });
        expect([method, answer.status, answer.headers.get('allow')?.includes('OPTIONS')]).toEqual([
          method,
          method === 'POST' || address !== location ? answer.status : 405,
          true,
        ]);
        expect([401, 405]).toContain(answer.status);
      }
    }
  });
});

describe('a session', () => {
  it('ends by DELETE, once, and not with a wrong key', async () => {
    scene = await new Scene().start();
    const { location, calls } = await scene.publish();
    const wrong = await fetch(location, { method: 'DELETE', headers: { authorization: 'Bearer other' } });
    expect(wrong.status).toBe(401);
    expect((await fetch(location, { method: 'DELETE' })).status).toBe(200);
    expect((await fetch(location, { method: 'DELETE' })).status).toBe(404);
    expect(scene.got).toEqual(['end']);
    expect(calls).toEqual(['close']);
  });

  it('takes candidates by PATCH under its entity tag, and says what it does not take', async () => {
    scene = await new Scene().start();
    const { location, etag, calls } = await scene.publish();
    const fragment = (ufrag: string) =>
      `a=ice-ufrag:${ufrag}\r\na=ice-pwd:x\r\nm=video 9 UDP/TLS/RTP/SAVPF 108\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.7 5000 typ host\r\n`;
    const patch = (body: string, headers: Record<string, string>) =>
      fetch(location, {
        method: 'PATCH',
        body,
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', ...headers },
      });
    expect((await patch(fragment(UFRAG), { 'if-match': etag })).status).toBe(204);
    expect(calls).toEqual(['candidates 1']);
    expect((await patch(fragment(UFRAG), {})).status).toBe(428);
    expect((await patch(fragment(UFRAG), { 'if-match': '"other"' })).status).toBe(412);
    expect((await patch(fragment('newufrag'), { 'if-match': '*' })).status).toBe(422);
    expect((await patch('nonsense', { 'if-match': etag })).status).toBe(400);
    expect((await patch(fragment(UFRAG), { 'if-match': etag, 'content-type': 'text/plain' })).status).toBe(415);
    expect(calls).toEqual(['candidates 1']);
  });

  it('passes media on; while the channel is busy it drops, and goes on with a key', async () => {
    scene = await new Scene().start();
    const { events, calls } = await scene.publish();
    events.onConnected();
    events.onConfig({ track: 'audio', codec: 'opus', data: Buffer.alloc(19) });
    scene.takes = false;
    events.onFrame(frame('video'));
    events.onFrame(frame('video', false));
    events.onFrame(frame('audio'));
    scene.takes = true;
    scene.drain();
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(['need-key']);
    events.onFrame(frame('video', false));
    events.onFrame(frame('audio'));
    events.onFrame(frame('video'));
    events.onFrame(frame('video', false));
    expect(scene.got).toEqual(['config opus', 'video key', 'audio key', 'video key', 'video']);
    events.onStats({ lossRatio: 0.1, retransmits: 3, bitrate: 5, rttMs: 7 });
    expect(scene.requests[0]?.linkStats?.()).toEqual({ lossRatio: 0.1, retransmits: 3, bitrate: 5, rttMs: 7 });
  });

  it.each([
    ['is stopped from the box', () => scene.requests[0]?.onStop('the key was rotated')],
    [
      'brings what the channel does not take',
      () => scene.transports[0]?.events.onConfig({ track: 'video', codec: 'vp9', data: Buffer.alloc(1) }),
    ],
    ['loses its WebRTC process', () => scene.transports[0]?.events.onClosed('the WebRTC process ended')],
  ])('ends when it %s', async (_, act) => {
    scene = await new Scene().start();
    const { location } = await scene.publish();
    act();
    expect(scene.got.at(-1)).toBe('end');
    expect((await fetch(location, { method: 'DELETE' })).status).toBe(404);
    expect(scene.transports[0]?.calls).toEqual(_.includes('WebRTC') ? [] : ['close']);
  });

  it('ends where no connection comes about, or no media over it', async () => {
    scene = await new Scene().start({ connectMs: 60, mediaMs: 120 });
    const unconnected = await scene.publish();
    const silent = await scene.publish();
    silent.events.onConnected();
    await expect.poll(() => scene.got.length, { timeout: 5000 }).toBe(2);
    expect(unconnected.calls).toEqual(['close']);
    expect(silent.calls).toEqual(['close']);
  });
});
