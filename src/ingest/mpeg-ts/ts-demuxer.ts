import type { TrackKind } from '../../media/frame.js';
import { AdtsStream } from './adts-stream.js';
import { Clock90k } from './clock-90k.js';
import type { ElementaryStream, StreamOutput } from './elementary-stream.js';
import { MpegAudioStream } from './mpeg-audio-stream.js';
import { OpusStream } from './opus-stream.js';
import { PacketHead } from './packet-head.js';
import { PacketReader } from './packet-reader.js';
import { PesCollector } from './pes-collector.js';
import { type ListedStream, readPat, readPmt } from './program-tables.js';
import { SectionAssembler } from './section-assembler.js';
import { kindOf, type StreamKind } from './stream-kind.js';
import { VideoStream } from './video-stream.js';

/** What was wrong with a stream so far. */
export interface TsDamage {
  /** Gaps in the continuity counters of the PIDs that are read. */
  readonly continuityErrors: number;
  readonly syncLosses: number;
  readonly damagedSections: number;
  /** Pictures and blocks of sound left out because a part was missing, or they were too large. */
  readonly damagedUnits: number;
}

type Playable = Extract<StreamKind, { use: 'video' | 'audio' }>;

/** What is read of one PID. `continuity`: of its last packet with a payload; -1 before the first. */
interface PidReader {
  continuity: number;
  repeated: boolean;
  push(bytes: Buffer, head: PacketHead): void;
  lost(): void;
}

interface MediaReader extends PidReader {
  readonly listed: ListedStream;
  readonly track: TrackKind;
  readonly collector: PesCollector;
}

const PAT_PID = 0;
/** Up to 15: tables; 8191: stuffing (Table 2-3). */
const isFreePid = (pid: number) => pid > 15 && pid < 0x1fff;
const SEND = 'send H.264 or HEVC, with AAC, MP3 or Opus';

/**
 * An MPEG transport stream (ISO/IEC 13818-1) as frames: the first program's first usable video and audio stream.
 * Times are 90 kHz, unwrapped from 33 bits; a jump of the source's clock stays a jump.
 *
 * Lifetime: one stream, until `end`, or a fault, after which everything is swallowed. A PMT that changes in mid-stream ends the
 * streams that it no longer lists and begins those that it adds. Memory: a picture and a block of sound under way,
 * a section a table.
 */
export class TsDemuxer {
  readonly #output: StreamOutput;
  readonly #faulted: (message: string) => void;
  readonly #packets = new PacketReader((bytes, at) => this.#packet(bytes, at));
  readonly #head = new PacketHead();
  readonly #readers = new Map<number, PidReader>();
  readonly #clock = new Clock90k();
  readonly #pat = new SectionAssembler((section) => this.#patChanged(section));
  #pmt = new SectionAssembler((section) => this.#pmtChanged(section));
  #pmtPid: number | null = null;
  #programNumber = 0;
  #pmtSection: Buffer | null = null;
  #media: MediaReader[] = [];
  #over = false;
  #continuityErrors = 0;
  #damagedUnits = 0;
  #damagedSections = 0;

  constructor(output: StreamOutput) {
    this.#output = { ...output, onFault: (message) => this.#fault(message) };
    this.#faulted = output.onFault;
    this.#readers.set(
      PAT_PID,
      sectionReader(() => this.#pat),
    );
  }

  get damage(): TsDamage {
    const damagedUnits = this.#media.reduce((sum, { collector }) => sum + collector.damaged, this.#damagedUnits);
    return {
      continuityErrors: this.#continuityErrors,
      syncLosses: this.#packets.syncLosses,
      damagedSections: this.#damagedSections + this.#pat.damaged + this.#pmt.damaged,
      damagedUnits,
    };
  }

  /** Any number of bytes, cut anywhere. They are not kept, and what is handed out doesn't share them. */
  push(bytes: Buffer): void {
    if (!this.#over) this.#packets.push(bytes);
  }

  /** Hands out what is whole. */
  end(): void {
    if (this.#over) return;
    for (const { collector } of this.#media) collector.flush();
    this.#over = true;
  }

  #packet(bytes: Buffer, at: number): void {
    const head = this.#head;
    if (this.#over || !head.read(bytes, at)) return;
    const reader = this.#readers.get(head.pid);
    if (reader === undefined || head.start === head.end || !this.#continues(reader, head)) return;
    reader.push(bytes, head);
  }

  /** False for a packet that is a repetition. §2.4.3.3: a packet may be sent twice, and the counter may jump where it says so. */
  #continues(reader: PidReader, { continuity, discontinuity }: PacketHead): boolean {
    const before = reader.continuity;
    reader.continuity = continuity;
    if (before === -1 || continuity === ((before + 1) & 15)) {
      reader.repeated = false;
      return true;
    }
    if (continuity === before && !reader.repeated && !discontinuity) {
      reader.repeated = true;
      return false;
    }
    reader.repeated = false;
    if (!discontinuity) this.#continuityErrors++;
    reader.lost();
    return true;
  }

  /** The first program is the one; others in a multiplex are left alone. */
  #patChanged(section: Buffer): void {
    const programs = readPat(section);
    if (programs === null) return;
    const chosen = programs.find(({ programNumber }) => programNumber === this.#programNumber) ?? programs[0];
    if (chosen === undefined || chosen.pmtPid === this.#pmtPid || !isFreePid(chosen.pmtPid)) return;
    if (this.#pmtPid !== null) this.#readers.delete(this.#pmtPid);
    this.#damagedSections += this.#pmt.damaged;
    this.#pmt = new SectionAssembler((pmt) => this.#pmtChanged(pmt));
    this.#pmtPid = chosen.pmtPid;
    this.#programNumber = chosen.programNumber;
    this.#readers.set(
      chosen.pmtPid,
      sectionReader(() => this.#pmt),
    );
  }

  /** Tables are repeated many times a second; only a changed one counts. */
  #pmtChanged(section: Buffer): void {
    if (this.#pmtSection?.equals(section) === true) return;
    const program = readPmt(section);
    if (program === null || program.programNumber !== this.#programNumber) return;
    this.#pmtSection = section;
    this.#choose(program.streams);
  }

  #choose(streams: readonly ListedStream[]): void {
    const tracks: TrackKind[] = ['video', 'audio'];
    const usable = streams.filter(({ pid }) => isFreePid(pid) && pid !== this.#pmtPid);
    const kinds = usable.map((listed) => ({ listed, kind: kindOf(listed) }));
    const chosen = tracks.flatMap((track) => {
      const found = kinds.find(({ kind }) => kind.use === track);
      return found === undefined ? [] : [{ ...found, track }];
    });
    const missing = kinds.find(({ kind }) => {
      return kind.use === 'unsupported' && !chosen.some(({ track }) => track === kind.track);
    });
    if (missing?.kind.use === 'unsupported') {
      this.#fault(`${missing.kind.name} is not supported: ${SEND}`);
      return;
    }
    this.#replace(chosen.flatMap(({ listed, kind, track }) => (isPlayable(kind) ? [{ listed, kind, track }] : [])));
  }

  /** Streams that are listed as before go on undisturbed. */
  #replace(chosen: readonly { listed: ListedStream; kind: Playable; track: TrackKind }[]): void {
    const kept = this.#media.filter(({ listed }) => chosen.some((now) => isSameStream(listed, now.listed)));
    for (const old of this.#media) if (!kept.includes(old)) this.#close(old);
    const added = chosen.filter((now) => !kept.some(({ listed }) => isSameStream(listed, now.listed)));
    this.#media = [...kept, ...added.map(({ listed, kind, track }) => this.#open(listed, kind, track))];
  }

  #open(listed: ListedStream, kind: Playable, track: TrackKind): MediaReader {
    const collector = new PesCollector({ stream: this.#streamFor(kind), clock: this.#clock, track });
    const reader: MediaReader = {
      listed,
      track,
      collector,
      continuity: -1,
      repeated: false,
      push: (bytes, { start, end, unitStart }) => collector.push(bytes, start, end, unitStart),
      lost: () => collector.lost(),
    };
    this.#readers.set(listed.pid, reader);
    return reader;
  }

  #close(reader: MediaReader): void {
    reader.collector.flush();
    this.#damagedUnits += reader.collector.damaged;
    this.#readers.delete(reader.listed.pid);
  }

  #streamFor(kind: Playable): ElementaryStream {
    switch (kind.codec) {
      case 'h264':
      case 'hevc':
        return new VideoStream(kind.codec, this.#output);
      case 'aac':
        return new AdtsStream(this.#output);
      case 'mp3':
        return new MpegAudioStream(this.#output);
      case 'opus':
        return new OpusStream(kind.channels, this.#output);
    }
  }

  #fault(message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#faulted(message);
  }
}

function sectionReader(assembler: () => SectionAssembler): PidReader {
  return {
    continuity: -1,
    repeated: false,
    push: (bytes, { start, end, unitStart }) => assembler().push(bytes.subarray(start, end), unitStart),
    lost: () => assembler().reset(),
  };
}

function isPlayable(kind: StreamKind): kind is Playable {
  return kind.use === 'video' || kind.use === 'audio';
}

function isSameStream(one: ListedStream, other: ListedStream): boolean {
  return (
    one.pid === other.pid &&
    one.type === other.type &&
    one.descriptors.length === other.descriptors.length &&
    one.descriptors.every(({ tag, data }, index) => {
      const beside = other.descriptors[index];
      return beside?.tag === tag && beside.data.equals(data);
    })
  );
}
