import { readSpliceInfo } from '../../media/splice-info.js';
import { TIMED_METADATA_BYTES_MAX } from '../../media/timed-metadata.js';
import type { SourceCue } from '../source-cue.js';
import type { Clock90k } from './clock-90k.js';
import { type ElementaryStream, TIMESCALE } from './elementary-stream.js';
import { PesCollector } from './pes-collector.js';
import { SectionAssembler } from './section-assembler.js';

/** What the demuxer hands to a PID that carries cues. */
export interface CueReader {
  push(bytes: Buffer, start: number, end: number, unitStart: boolean): void;
  lost(): void;
  readonly damaged: number;
}

type OnCue = (cue: SourceCue) => void;
type NearClock = Pick<Clock90k, 'near' | 'latest'>;

/** Cues are repeated for receivers that missed them; so many are remembered. */
const REPEATED_MAX = 16;
/** One that speaks of its own moment is told again after so long: then it is another. */
const REPEATED_TICKS = 5 * TIMESCALE;

/**
 * Splice information (SCTE 35): sections on a PID of their own, told as they come, once each. Heartbeats (splice_null) and
 * bandwidth reservations are left out.
 *
 * Lifetime: as long as the PMT lists the PID. Memory: a section under way and the last few sections.
 */
export function spliceInfoReader(clock: NearClock, onCue: OnCue): CueReader {
  const told: { readonly section: Buffer; readonly at: number }[] = [];
  const assembler = new SectionAssembler((section) => {
    const info = readSpliceInfo(section);
    if (info === null || info.command === 'idle') return;
    const at = clock.latest ?? 0;
    const isOld = (before: number) => info.pts === null && at - before > REPEATED_TICKS;
    if (told.some((before) => before.section.equals(section) && !isOld(before.at))) return;
    told.push({ section, at });
    if (told.length > REPEATED_MAX) told.shift();
    const time = info.pts === null ? null : clock.near(info.pts);
    onCue({ kind: 'scte35', time, timescale: TIMESCALE, data: section });
  }, TIMED_METADATA_BYTES_MAX);
  return {
    push: (bytes, start, end, unitStart) => assembler.push(bytes.subarray(start, end), unitStart),
    lost: () => assembler.reset(),
    get damaged() {
      return assembler.damaged;
    },
  };
}

/**
 * Timed ID3 ("Timed Metadata for HTTP Live Streaming"): one or more whole tags in each PES packet, for the packet's time.
 *
 * Lifetime: as long as the PMT lists the PID. Memory: a packet under way.
 */
export function timedId3Reader(clock: NearClock, onCue: OnCue): CueReader {
  const stream: ElementaryStream = {
    unit(payload, pts) {
      if (payload.length > TIMED_METADATA_BYTES_MAX || payload.toString('latin1', 0, 3) !== 'ID3') return;
      onCue({ kind: 'id3', time: pts, timescale: TIMESCALE, data: Buffer.from(payload) });
    },
    lost() {},
  };
  // What stands beside the tracks must not lead their clock astray.
  const collector = new PesCollector({ stream, clock: { unwrap: (ticks) => clock.near(ticks) }, track: 'audio' });
  return {
    push: (bytes, start, end, unitStart) => collector.push(bytes, start, end, unitStart),
    lost: () => collector.lost(),
    get damaged() {
      return collector.damaged;
    },
  };
}
