import { randomBytes } from 'node:crypto';
import type { PeerConnection, Track } from 'node-datachannel';

export interface PeerOptions {
  readonly webrtc: typeof import('node-datachannel');
  readonly host: string;
  readonly port: number;
  /** As `writeTransportOffer` makes it. */
  readonly offer: string;
  /** The library's own description, once all candidates are known. */
  readonly onAnswer: (sdp: string) => void;
  readonly onConnected: () => void;
  /** At most once; not after `close`. */
  readonly onClosed: (reason: string) => void;
  readonly onPacket: (bytes: Buffer) => void;
}

/**
 * One publisher's transport: ICE, DTLS and SRTP by the native library; RTP and RTCP come and go as plain packets.
 *
 * Lifetime: from construction (which throws where the library refuses the offer) to `close` or `onClosed`.
 */
export class Peer {
  readonly #connection: PeerConnection;
  readonly #track: Track;
  #closed = false;

  constructor({ webrtc, host, port, offer, ...on }: PeerOptions) {
    this.#connection = new webrtc.PeerConnection('whip', {
      iceServers: [],
      bindAddress: host,
      portRangeBegin: port,
      portRangeEnd: port,
      enableIceUdpMux: true,
      disableAutoNegotiation: true,
    });
    const section = new webrtc.Video('0', 'RecvOnly');
    section.addH264Codec(96);
    this.#track = this.#connection.addTrack(section);
    this.#track.onMessage((bytes) => this.#whileOpen(() => on.onPacket(bytes)));
    this.#connection.onStateChange((state) => this.#whileOpen(() => this.#changed(state, on)));
    this.#connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#whileOpen(() => on.onAnswer(this.#connection.localDescription()?.sdp ?? ''));
    });
    this.#connection.setRemoteDescription(offer, 'offer');
    // All publishers share a port, on which this name alone tells them apart.
    this.#connection.setLocalDescription('answer', { iceUfrag: iceChars(12), icePwd: iceChars(24) });
  }

  /** A candidate that the library refuses is of no use; the others remain. */
  addCandidate(candidate: string): void {
    try {
      this.#whileOpen(() => this.#connection.addRemoteCandidate(candidate, '0'));
    } catch {
      // It was checked before, so this can only be one more than the library holds.
    }
  }

  send(bytes: Buffer): void {
    if (!this.#closed && this.#track.isOpen()) this.#track.sendMessageBinary(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  #changed(state: string, on: Pick<PeerOptions, 'onConnected' | 'onClosed'>): void {
    if (state === 'connected') on.onConnected();
    if (state !== 'failed' && state !== 'closed') return;
    this.close();
    on.onClosed(state === 'failed' ? 'the connection failed' : 'the publisher closed the connection');
  }

  /** The library's calls arrive through a queue, so some come after the end. */
  #whileOpen(call: () => void): void {
    if (!this.#closed) call();
  }
}

/** RFC 8839 §5.4: letters, digits, + and /, 6 bits each. */
function iceChars(bytes: number): string {
  return randomBytes(bytes).toString('base64').replaceAll('=', '');
}
