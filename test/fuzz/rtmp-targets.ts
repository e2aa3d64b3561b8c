import { AmfError, readAmf0 } from '../../src/ingest/rtmp/amf0.js';
import { FlvReader } from '../../src/ingest/rtmp/flv-reader.js';
import { readCommand } from '../../src/ingest/rtmp/rtmp-command.js';
import { DEFAULT_RTMP_LIMITS } from '../../src/ingest/rtmp/rtmp-limits.js';
import type { RtmpMessage } from '../../src/ingest/rtmp/rtmp-message.js';
import { RtmpSession } from '../../src/ingest/rtmp/rtmp-session.js';
import { readStreamMetadata } from '../../src/ingest/rtmp/stream-metadata.js';
import { mustBeBelievable } from './codec-targets.js';
import type { FuzzTarget } from './fuzz-run.js';
import { cut, mutate } from './mutate.js';
import type { Random } from './random.js';
import type { Recordings } from './recordings.js';
import { chunked, HANDSHAKE, type PublisherMessage, publisherSessions } from './rtmp-bytes.js';

const TYPES = [1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22];

/** What reads a publisher's bytes and messages, without a socket. */
export function rtmpTargets(recordings: Recordings): FuzzTarget[] {
  const sessions = publisherSessions(recordings, 'key-fuzz');
  const commands = sessions.flat().flatMap(({ type, payload }) => (type === 18 || type === 20 ? [payload] : []));
  const tags = sessions.flat().flatMap(({ type, payload }) => (type === 8 || type === 9 ? [payload] : []));
  return [
    {
      name: 'AMF0',
      share: 12,
      attempt: (random) => readWords(mutate(random, random.pick(commands), { others: commands })),
    },
    { name: 'FLV tags', share: 20, attempt: (random) => readTags(random, tags) },
    {
      name: 'RTMP sessions',
      share: 12,
      attempt: (random) => readSession(mutateSession(random, random.pick(sessions)), random),
    },
  ];
}

function readWords(payload: Buffer): boolean {
  const command = readCommand(payload);
  const metadata = readStreamMetadata(payload);
  if (metadata?.frameRate !== undefined && !(metadata.frameRate >= 1 && metadata.frameRate <= 300)) {
    throw new Error(`a frame rate of ${metadata.frameRate}`);
  }
  try {
    readAmf0(payload);
  } catch (error) {
    if (error instanceof AmfError) return false;
    throw error;
  }
  return command !== null || metadata !== null;
}

/** Some tags in a row: the reader remembers. */
function readTags(random: Random, tags: readonly Buffer[]): boolean {
  const reader = new FlvReader();
  let taken = true;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const payload = mutate(random, random.pick(tags), { others: tags });
    taken = takeMedia(reader, { kind: random.pick(['audio', 'video']), clock: random.next(), payload }) && taken;
  }
  return taken;
}

function takeMedia(reader: FlvReader, message: { kind: 'audio' | 'video'; clock: number; payload: Buffer }): boolean {
  const content = reader.read(message);
  if (content.kind === 'unsupported') return false;
  const config = content.kind === 'config' || content.kind === 'frame' ? content.config : null;
  if (content.kind === 'frame' && !Number.isSafeInteger(content.frame.pts)) throw new Error('a frame without a time');
  return config === null || mustBeBelievable(config);
}

/** A session with some of its messages changed, left out, repeated or moved; then, perhaps, its bytes changed too. */
export function mutateSession(random: Random, session: readonly PublisherMessage[]): Buffer {
  const messages = session.slice(0, 8 + random.below(session.length));
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(messages.length);
    const message = messages[at] ?? random.pick(session);
    messages.splice(
      at,
      random.below(3),
      ...Array.from({ length: random.below(3) }, () => mutateMessage(random, message)),
    );
  }
  const bytes = Buffer.concat([HANDSHAKE, chunked(messages)]);
  return random.once(2) ? bytes : mutate(random, bytes, { changesMax: 4, stride: 129 });
}

function mutateMessage(random: Random, message: PublisherMessage): PublisherMessage {
  return {
    type: random.once(6) ? random.pick(TYPES) : message.type,
    payload: random.once(3) ? message.payload : mutate(random, message.payload),
    clock: random.once(3) ? random.next() : message.clock,
    cid: random.once(8) ? 2 + random.below(62) : message.cid,
    streamId: random.once(8) ? random.next() : message.streamId,
  };
}

/** True where the session is read to its end. */
function readSession(bytes: Buffer, random: Random): boolean {
  let [answered, taken] = [0, true];
  const session = new RtmpSession(DEFAULT_RTMP_LIMITS, (answer) => {
    answered += answer.length;
  });
  session.mediaAllowed = true;
  const reader = new FlvReader();
  for (const piece of cut(random, bytes, 12)) {
    session.push(piece);
    for (let message = session.next(); message !== null; message = session.next()) {
      if (message.kind === 'fault') return false;
      taken = takeMessage(reader, message) && taken;
    }
  }
  if (answered > 10 * bytes.length + 10_000) throw new Error(`${answered} bytes of answers to ${bytes.length}`);
  return taken;
}

function takeMessage(reader: FlvReader, message: RtmpMessage): boolean {
  const { kind, clock, payload } = message;
  if (kind === 'audio' || kind === 'video') return takeMedia(reader, { kind, clock, payload });
  return kind === 'control' || readWords(payload);
}
