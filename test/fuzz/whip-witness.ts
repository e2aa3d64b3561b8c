import { setTimeout as sleep } from 'node:timers/promises';
import { cleanup, PeerConnection, RtcpNackResponder, type Track, Video } from 'node-datachannel';
import { readAvcConfig } from '../../src/ingest/avc-config.js';
import { until } from '../../src/ingest/publishing.fixture.js';
import { bytesOf } from '../../src/ingest/whip/rtp/rtp-packet.fixture.js';
import type { Recordings } from './recordings.js';

const [PAYLOAD_TYPE, SSRC] = [96, 4242];
const [FRAME_MS, FRAME_TICKS] = [40, 3600];
const FRAGMENT_BYTES = 1000;
const FU_A = 28;

/** A real WebRTC publisher: sends the recorded pictures over and over, in time, and again what got lost. */
export class WhipWitness {
  readonly #connection: PeerConnection;
  readonly #track: Track;
  /** Each picture's NAL units. */
  readonly #pictures: Buffer[][];
  #timer: NodeJS.Timeout | null = null;
  #sequence = 0;
  #sent = 0;

  private constructor(connection: PeerConnection, track: Track, pictures: Buffer[][]) {
    this.#connection = connection;
    this.#track = track;
    this.#pictures = pictures;
  }

  /** Publishing and connected; `url` is the endpoint's. The library now and then has no ICE transport at the answer. */
  static async open(url: string, recordings: Recordings): Promise<WhipWitness> {
    for (let tries = 1; ; tries++) {
      try {
        return await WhipWitness.#open(url, recordings);
      } catch (error) {
        if (tries === 3 || !(error instanceof Error) || !error.message.includes('without ICE transport')) throw error;
      }
    }
  }

  static async #open(url: string, recordings: Recordings): Promise<WhipWitness> {
    const connection = new PeerConnection('witness', {
      iceServers: [],
      bindAddress: '127.0.0.1',
      disableAutoNegotiation: true,
    });
    const section = new Video('0', 'SendOnly');
    section.addH264Codec(PAYLOAD_TYPE);
    section.addSSRC(SSRC, 'witness');
    const track = connection.addTrack(section);
    track.setMediaHandler(new RtcpNackResponder());
    connection.setLocalDescription('offer');
    await until(() => connection.gatheringState() === 'complete', 'the candidates');
    const headers = { 'Content-Type': 'application/sdp', Authorization: 'Bearer key-witness' };
    const answer = await fetch(url, { method: 'POST', headers, body: connection.localDescription()?.sdp ?? '' });
    if (answer.status !== 201) throw new Error(`the innocent publisher got ${answer.status}`);
    const session = new URL(answer.headers.get('location') ?? '', url);
    try {
      connection.setRemoteDescription(await answer.text(), 'answer');
    } catch (error) {
      connection.close();
      await fetch(session, { method: 'DELETE' });
      throw error;
    }
    await until(() => track.isOpen(), 'the connection');
    return new WhipWitness(connection, track, picturesOf(recordings));
  }

  /** The far end's connection stands a moment later than ours. */
  async start(): Promise<void> {
    await sleep(300);
    this.#timer = setInterval(() => this.#send(), FRAME_MS);
  }

  /** How many pictures were sent. */
  async stop(): Promise<number> {
    while (this.#sent < 50) await sleep(FRAME_MS);
    if (this.#timer !== null) clearInterval(this.#timer);
    // What was lost is asked for, and comes again.
    await sleep(1500);
    if (!this.#track.isOpen()) throw new Error('the innocent publisher was cut');
    this.#connection.close();
    cleanup();
    return this.#sent;
  }

  #send(): void {
    const packets = (this.#pictures[this.#sent % this.#pictures.length] ?? []).flatMap(fragments);
    for (const [at, payload] of packets.entries()) {
      const marker = at === packets.length - 1;
      const timestamp = this.#sent * FRAME_TICKS;
      const packet = { payloadType: PAYLOAD_TYPE, ssrc: SSRC, sequence: this.#sequence, marker, timestamp, payload };
      this.#track.sendMessageBinary(bytesOf(packet));
      this.#sequence = (this.#sequence + 1) & 0xffff;
    }
    this.#sent++;
  }
}

/** From key to key, so that the end fits to the beginning; the parameter sets go with each key. */
function picturesOf({ video }: Recordings): Buffer[][] {
  const config = readAvcConfig(video.h264.config.data);
  if (config === null) throw new Error('the recorded config is unreadable');
  return video.h264.frames.slice(0, 10).map(({ data, key }) => {
    return [...(key ? [...config.sps, ...config.pps] : []), ...unitsOf(data)];
  });
}

function unitsOf(data: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at + 4 <= data.length; ) {
    const end = at + 4 + data.readUInt32BE(at);
    units.push(data.subarray(at + 4, end));
    at = end;
  }
  return units;
}

/** RFC 6184 §5.8. */
function fragments(unit: Buffer): Buffer[] {
  const head = unit[0] ?? 0;
  if (unit.length <= FRAGMENT_BYTES) return [unit];
  const pieces: Buffer[] = [];
  for (let at = 1; at < unit.length; at += FRAGMENT_BYTES) {
    const first = at === 1 ? 0x80 : 0;
    const last = at + FRAGMENT_BYTES >= unit.length ? 0x40 : 0;
    const heads = Buffer.from([(head & 0xe0) | FU_A, first | last | (head & 0x1f)]);
    pieces.push(Buffer.concat([heads, unit.subarray(at, at + FRAGMENT_BYTES)]));
  }
  return pieces;
}
