import type { CodedPicture, PictureBuilder } from './picture-builder.js';
import type { RtpPacket } from './rtp-packet.js';

export interface VideoReceiverOptions {
  readonly builder: PictureBuilder;
  /** `timestamp` is the packets' own, 32 bits. */
  readonly onPicture: (picture: CodedPicture, timestamp: number) => void;
}

/**
 * Makes pictures of packets in order. A picture that lost packets for good is dropped, and all that follow up to the next
 * key: they refer to it.
 *
 * Lifetime: one synchronization source. *Waiting for a key* at first and after each loss, else *running*.
 */
export class VideoReceiver {
  readonly #options: VideoReceiverOptions;
  #timestamp: number | null = null;
  #damaged = false;
  #waitingForKey = true;

  constructor(options: VideoReceiverOptions) {
    this.#options = options;
  }

  /** Nothing can be shown before the next key: ask for one. */
  get waitingForKey(): boolean {
    return this.#waitingForKey;
  }

  /** Pictures were dropped between the receiver and the far end: go on with a key only. */
  needKey(): void {
    this.#waitingForKey = true;
  }

  take(packet: RtpPacket, afterGap: boolean): void {
    const { builder } = this.#options;
    if (afterGap) this.#skip();
    // Padding alone, sent to probe the network.
    if (packet.payload.length === 0) return;
    if (this.#timestamp !== packet.timestamp) this.#start(packet.timestamp);
    if (this.#damaged && builder.begins(packet.payload)) this.#damaged = false;
    if (!this.#damaged && !builder.add(packet.payload)) this.#lose();
    if (packet.marker) this.#finish();
  }

  /** The marker ends a picture; where its packet is lost or never set, the next timestamp does. */
  #start(timestamp: number): void {
    this.#finish();
    this.#timestamp = timestamp;
  }

  /** The picture under way is cut off, and the one that comes may have lost its beginning. */
  #skip(): void {
    this.#lose();
    this.#timestamp = null;
  }

  #lose(): void {
    this.#options.builder.reset();
    this.#damaged = true;
    this.#waitingForKey = true;
  }

  #finish(): void {
    const timestamp = this.#timestamp;
    if (timestamp === null) return;
    const picture = this.#damaged ? null : this.#options.builder.finish();
    this.#timestamp = null;
    this.#damaged = false;
    if (picture === null) this.#waitingForKey = true;
    else this.#deliver(picture, timestamp);
  }

  /** What can't be decoded may still bring the parameter sets that a later key needs. */
  #deliver(picture: CodedPicture, timestamp: number): void {
    if (picture.key) this.#waitingForKey = false;
    const shown = picture.data.length > 0 && !this.#waitingForKey;
    if (shown) this.#options.onPicture(picture, timestamp);
    else if (picture.config !== null) this.#options.onPicture({ ...picture, data: Buffer.alloc(0) }, timestamp);
  }
}
