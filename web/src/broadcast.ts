import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { closeSource, type Devices, openSource, type Quality, type Source } from './capture.js';
import type { StatsReport } from './publishing-stats.js';
import { type PublisherState, WhipPublisher } from './whip-publisher.js';

interface Chosen {
  readonly source: Source;
  readonly quality: Quality;
  readonly devices: Devices;
}

type BroadcastState =
  | { readonly kind: 'idle'; readonly words: string | null }
  | { readonly kind: 'opening' }
  | Exclude<PublisherState, { kind: 'ended' }>;

export interface Broadcast {
  readonly state: BroadcastState;
  /** What is captured now, on air or not. */
  readonly stream: MediaStream | null;
  readonly stats: StatsReport | null;
  preview(chosen: Chosen): Promise<void>;
  start(chosen: Chosen & { streamKey: string; backup: boolean }): Promise<void>;
  stop(): void;
}

const idle: BroadcastState = { kind: 'idle', words: null };

/** One broadcast at a time of this page: its source, its publisher, and what is to be shown of them. */
export function useBroadcast(): Broadcast {
  const [state, setState] = useState<BroadcastState>(idle);
  const [stats, setStats] = useState<StatsReport | null>(null);
  const publisher = useRef<WhipPublisher | null>(null);
  const { stream, open, close } = useSource();

  const opened = async (chosen: Chosen): Promise<MediaStream | null> => {
    setState({ kind: 'opening' });
    try {
      return await open(chosen, (words) => {
        publisher.current?.stop();
        setState({ kind: 'idle', words });
      });
    } catch (error) {
      setState({ kind: 'idle', words: error instanceof Error ? error.message : String(error) });
      return null;
    }
  };
  const onState = (next: PublisherState) => {
    if (next.kind !== 'ended') return setState(next);
    publisher.current = null;
    setStats(null);
    close();
    setState({ kind: 'idle', words: next.words });
  };
  useLeaving(publisher);

  return {
    state,
    stream,
    stats,
    async preview(chosen) {
      if (await opened(chosen)) setState(idle);
    },
    async start({ streamKey, backup, ...chosen }) {
      const source = await opened(chosen);
      if (source === null) return;
      const { bitrate } = chosen.quality;
      publisher.current = new WhipPublisher({ stream: source, streamKey, backup, bitrate, onState, onStats: setStats });
    },
    stop: () => publisher.current?.stop(),
  };
}

/** The captured stream; opening another lets the one before go. */
function useSource() {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const current = useRef<MediaStream | null>(null);
  const close = useCallback(() => {
    if (current.current) closeSource(current.current);
    current.current = null;
    setStream(null);
  }, []);
  const open = async (chosen: Chosen, onEnded: (words: string) => void) => {
    close();
    const opened = await openSource(chosen.source, chosen.quality, chosen.devices);
    current.current = opened;
    setStream(opened);
    // The person stopped sharing, or the device was pulled out.
    for (const track of opened.getVideoTracks()) {
      track.onended = () => {
        if (current.current !== opened) return;
        close();
        onEnded('The source ended.');
      };
    }
    return opened;
  };
  return { stream, open, close };
}

/** Asks before a live page is left, and ends the broadcast when it is. */
function useLeaving(publisher: { readonly current: WhipPublisher | null }): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (publisher.current) event.preventDefault();
    };
    const leave = () => publisher.current?.stop();
    addEventListener('beforeunload', ask);
    addEventListener('pagehide', leave);
    return () => {
      removeEventListener('beforeunload', ask);
      removeEventListener('pagehide', leave);
    };
  }, [publisher]);
}
