import type { TrackKind } from '../../media/frame.js';
import type { TimedMetadataKind } from '../../media/timed-metadata.js';
import type { SourceCue } from '../source-cue.js';
import { AdtsStream } from './adts-stream.js';
import { Clock90k } from './clock-90k.js';
import { type CueReader, spliceInfoReader, timedId3Reader } from './cue-streams.js';
import type { ElementaryStream, StreamOutput } from './elementary-stream.js';
import { MpegAudioStream } from './mpeg-audio-stream.js';
import { OpusStream } from './opus-stream.js';
import { PacketHead } from './packet-head.js';
import { PacketReader } from './packet-reader.js';
import { PesCollector } from './pes-collector.js';
import { type ListedProgram, type ListedStream, readPat, readPmt } from './program-tables.js';
import { SectionAssembler } from './section-assembler.js';
import { kindOf, type StreamKind } from './stream-kind.js';
import { VideoStream } from './video-stream.js';

/** What was wrong with a stream so far. */
export interface TsDamage {
  /** Gaps in the continuity counters of the PIDs that are read. */
  readonly continuityErrors: number;
  readonly syncLosses: number;
  /** Of tables and of cues. */
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

interface CuePid extends PidReader {
  readonly listed: ListedStream;
  readonly reader: CueReader;
}

const PAT_PID = 0;
/** Streams of cues that are read; a program has one of each kind. */
const CUE_PIDS_MAX = 4;
/** Up to 15: tables; 8191: stuffing (Table 2-3). */
const isFreePid = (pid: number) => pid > 15 && pid < 0x1fff;
const SEND = 'send H.264 or HEVC, with AAC, MP3 or Opus';

/**
 * An MPEG transport stream (ISO/IEC 13818-1) as frames: the first program's first usable video and audio stream, and the cues
 * beside them.
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
  #cues: CuePid[] = [];
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
      damagedSections: this.#cues.reduce(
        (sum, { reader }) => sum + reader.damaged,
        this.#damagedSections + this.#pat.damaged + this.#pmt.damaged,
      ),
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
    this.#choose(program);
  }

  #choose({ streams, descriptors }: ListedProgram): void {
    const tracks: TrackKind[] = ['video', 'audio'];
    const usable = streams.filter(({ pid }) => isFreePid(pid) && pid !== this.#pmtPid);
    const kinds = usable.map((listed) => ({ listed, kind: kindOf(listed, descriptors) }));
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
    this.#replaceCues(
      kinds
        .filter(({ kind, listed }) => kind.use === 'cues' && chosen.every((media) => media.listed.pid !== listed.pid))
        .slice(0, CUE_PIDS_MAX),
    );
  }

  /** Streams that are listed as before go on undisturbed. */
  #replace(chosen: readonly { listed: ListedStream; kind: Playable; track: TrackKind }[]): void {
    const kept = this.#media.filter(({ listed }) => chosen.some((now) => isSameStream(listed, now.listed)));
    for (const old of this.#media) if (!kept.includes(old)) this.#close(old);
    const added = chosen.filter((now) => !kept.some(({ listed }) => isSameStream(listed, now.listed)));
    this.#media = [...kept, ...added.map(({ listed, kind, track }) => this.#open(listed, kind, track))];
  }

  #replaceCues(chosen: readonly { listed: ListedStream; kind: StreamKind }[]): void {
    const kept = this.#cues.filter(({ listed }) => chosen.some((now) => isSameStream(listed, now.listed)));
    for (const old of this.#cues) if (!kept.includes(old)) this.#closeCues(old);
    this.#cues = kept;
    for (const { listed, kind } of chosen) {
      const isOpen = this.#cues.some((old) => old.listed.pid === listed.pid);
      if (kind.use === 'cues' && !isOpen) this.#openCues(listed, kind.kind);
    }
  }

  #openCues(listed: ListedStream, kind: TimedMetadataKind): void {
    const onCue = (cue: SourceCue) => this.#output.onCue?.(cue);
    const reader = kind === 'scte35' ? spliceInfoReader(this.#clock, onCue) : timedId3Reader(this.#clock, onCue);
    const pid: CuePid = {
      listed,
      reader,
      continuity: -1,
      repeated: false,
      push: (bytes, { start, end, unitStart }) => reader.push(bytes, start, end, unitStart),
      lost: () => reader.lost(),
    };
    this.#cues.push(pid);
    this.#readers.set(listed.pid, pid);
  }

  /** Its PID may have become a track's meanwhile. */
  #closeCues(old: CuePid): void {
    this.#damagedSections += old.reader.damaged;
    if (this.#readers.get(old.listed.pid) === old) this.#readers.delete(old.listed.pid);
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
