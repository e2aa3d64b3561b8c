import { Counter } from './counter.js';
import type { RtpPacket } from './rtp-packet.js';

export interface PacketBufferOptions {
  /** How long a missing packet may be merely late, ms; after that it counts as lost, and is asked for again. */
  readonly reorderMs: number;
  /** How long a missing packet is waited for, ms; after that it is lost for good. */
  readonly giveUpMs: number;
  /** Packets in order. `afterGap`: packets before this one are lost for good, or this is the first one. */
  readonly onPacket: (packet: RtpPacket, afterGap: boolean) => void;
}

interface Missing {
  readonly sinceMs: number;
  askedMs: number;
  asks: number;
}

/** The most packets between the oldest one waited for and the newest one: half a second at 40 Mb/s. */
const SPAN_MAX = 2048;
/** This many packets in a row from far behind show that the sender began to count anew (RFC 3550 §A.1). */
const STRAYS_MAX = 3;
const ASKS_MAX = 10;

/**
 * Puts one stream's packets in order, and knows which are missing.
 *
 * Lifetime: one synchronization source. Holds at most 2,048 packets, and each no longer than `giveUpMs`, given that `expire`
 * is called now and then.
 */
export class PacketBuffer {
  readonly #options: PacketBufferOptions;
  readonly #held = new Map<number, RtpPacket>();
  /** In order: what is missing is only ever found at the top. */
  readonly #missing = new Map<number, Missing>();
  #counter = new Counter(16);
  #base = 0;
  #next: number | null = null;
  #top = 0;
  #gap = true;
  #strays = 0;
  #lost = 0;
  #recovered = 0;

  constructor(options: PacketBufferOptions) {
    this.#options = options;
  }

  /** The highest sequence number so far, continued over its wraps; null before the first packet. */
  get highestSequence(): number | null {
    return this.#next === null ? null : this.#top;
  }

  /** Packets that should have come by now. */
  get expected(): number {
    return this.#next === null ? 0 : this.#top - this.#base + 1;
  }

  /** Packets that the network lost, whether they came again or not. */
  get lost(): number {
    return this.#lost;
  }

  /** Lost packets that came again. */
  get recovered(): number {
    return this.#recovered;
  }

  get waiting(): boolean {
    return this.#missing.size > 0;
  }

  push(packet: RtpPacket, nowMs: number): void {
    const sequence = this.#counter.extend(packet.sequence);
    if (this.#next === null) this.#begin(sequence);
    else if (Math.abs(sequence - this.#next) > SPAN_MAX && !this.#jumped(sequence, this.#next)) return;
    const next = this.#next ?? sequence;
    if (sequence < next || this.#held.has(sequence)) return;
    this.#strays = 0;
    this.#arrived(sequence);
    for (let missed = this.#top + 1; missed < sequence; missed++) {
      this.#missing.set(missed, { sinceMs: nowMs, askedMs: 0, asks: 0 });
    }
    this.#top = Math.max(this.#top, sequence);
    this.#held.set(sequence, packet);
    this.expire(nowMs);
  }

  /** Hands out what can go, and gives up what is overdue. */
  expire(nowMs: number): void {
    while (this.#next !== null && this.#next <= this.#top) {
      const packet = this.#held.get(this.#next);
      if (packet === undefined && !this.#overdue(this.#next, nowMs)) return;
      this.#held.delete(this.#next++);
      if (packet === undefined) {
        this.#gap = true;
        continue;
      }
      const afterGap = this.#gap;
      this.#gap = false;
      this.#options.onPacket(packet, afterGap);
    }
  }

  /** The sequence numbers to ask for now, at most `max`; each is asked for again after `repeatMs`, ten times in all. */
  due(nowMs: number, repeatMs: number, max: number): number[] {
    const due: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (due.length >= max) break;
      const wait = missing.asks === 0 ? this.#options.reorderMs : repeatMs;
      if (missing.asks >= ASKS_MAX || nowMs - (missing.asks === 0 ? missing.sinceMs : missing.askedMs) < wait) continue;
      if (missing.asks === 0) this.#lost++;
      missing.asks++;
      missing.askedMs = nowMs;
      due.push(sequence % 65_536);
    }
    return due;
  }

  #begin(sequence: number): void {
    this.#next = sequence;
    this.#base = sequence;
    this.#top = sequence - 1;
  }

  /** Far ahead: everything between is lost. Far behind: a stray, unless more follow. True: the stream goes on from here. */
  #jumped(sequence: number, next: number): boolean {
    if (sequence < next && ++this.#strays < STRAYS_MAX) return false;
    this.#held.clear();
    this.#missing.clear();
    this.#gap = true;
    this.#next = sequence;
    this.#base += sequence - this.#top - 1;
    this.#top = sequence - 1;
    return true;
  }

  #arrived(sequence: number): void {
    const missing = this.#missing.get(sequence);
    if (missing === undefined) return;
    this.#missing.delete(sequence);
    if (missing.asks > 0) this.#recovered++;
  }

  #overdue(sequence: number, nowMs: number): boolean {
    const missing = this.#missing.get(sequence);
    if (missing !== undefined && nowMs - missing.sinceMs < this.#options.giveUpMs) return false;
    if (missing?.asks === 0) this.#lost++;
    this.#missing.delete(sequence);
    return true;
  }
}
