import type { LinkSample } from './listener-messages.js';

/** Samples come every second: rates are over the last ten. */
const SAMPLES_MAX = 11;

/** What is known of a link, all of it. */
export interface LinkFigures {
  readonly rttMs: number;
  /** 0 to 1, over the last ten seconds. */
  readonly lossRatio: number;
  /** Packets, since the connection began. */
  readonly retransmits: number;
  /** Bits per second, over the last ten seconds. */
  readonly bitrate: number;
}

/** One publisher's link, from what libsrt has counted. */
export class LinkHistory {
  readonly #samples: LinkSample[] = [];

  add(sample: LinkSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Null before there are two samples. */
  get figures(): LinkFigures | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return null;
    const lost = last.packetsLost - first.packetsLost;
    const received = last.packets - first.packets;
    return {
      rttMs: last.rttMs,
      lossRatio: lost + received > 0 ? lost / (lost + received) : 0,
      retransmits: last.packetsRetransmitted,
      bitrate: Math.round(((last.bytes - first.bytes) * 8000) / (last.at - first.at)),
    };
  }
}
