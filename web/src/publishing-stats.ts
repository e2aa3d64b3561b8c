/** What goes out, as the browser counts it. */
export interface StatsReport {
  /** Pictures and sound, bits per second over the last second. */
  readonly bitrate: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly fps: number | null;
  readonly codec: string | null;
  /** Milliseconds. */
  readonly rtt: number | null;
  /** Of the packets lately sent, 0 to 1, as the box reports it. */
  readonly loss: number | null;
  /** What holds the quality back: `cpu`, `bandwidth` or null. */
  readonly limitedBy: string | null;
}

const everyMs = 1000;

/** Reads a connection's statistics every second, until `stop` or the next `follow`. */
export class PublishingStats {
  readonly #onReport: (report: StatsReport) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #before: { bytes: number; at: number } | null = null;

  constructor(onReport: (report: StatsReport) => void) {
    this.#onReport = onReport;
  }

  follow(connection: RTCPeerConnection): void {
    this.stop();
    this.#timer = setInterval(() => this.#read(connection), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#before = null;
  }

  async #read(connection: RTCPeerConnection): Promise<void> {
    const stats = await connection.getStats().catch(() => null);
    if (stats === null || connection.connectionState === 'closed') return;
    const all = [...stats.values()] as Record<string, unknown>[];
    const outbound = all.filter(({ type }) => type === 'outbound-rtp');
    const bytes = outbound.reduce((sum, { bytesSent }) => sum + (numberOf(bytesSent) ?? 0), 0);
    this.#onReport({ bitrate: this.#rate(bytes), ...describe(all, outbound) });
  }

  #rate(bytes: number): number {
    const now = performance.now();
    const before = this.#before;
    this.#before = { bytes, at: now };
    return before === null || bytes < before.bytes ? 0 : ((bytes - before.bytes) * 8000) / (now - before.at);
  }
}

function describe(all: Record<string, unknown>[], outbound: Record<string, unknown>[]): Omit<StatsReport, 'bitrate'> {
  const video = outbound.find(({ kind }) => kind === 'video') ?? {};
  const remote = all.find(({ type, kind }) => type === 'remote-inbound-rtp' && kind === 'video') ?? {};
  const pair = all.find(({ type, nominated }) => type === 'candidate-pair' && nominated === true) ?? {};
  const codec = all.find(({ type, id }) => type === 'codec' && id === video.codecId)?.mimeType;
  const seconds = numberOf(remote.roundTripTime) ?? numberOf(pair.currentRoundTripTime);
  const limit = video.qualityLimitationReason;
  return {
    width: numberOf(video.frameWidth),
    height: numberOf(video.frameHeight),
    fps: numberOf(video.framesPerSecond),
    codec: typeof codec === 'string' ? codec.replace('video/', '') : null,
    rtt: seconds === null ? null : seconds * 1000,
    loss: numberOf(remote.fractionLost),
    limitedBy: limit === 'cpu' || limit === 'bandwidth' ? limit : null,
  };
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);
