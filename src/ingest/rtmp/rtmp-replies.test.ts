import { describe, expect, it } from 'vitest';
import { type AmfValue, readAmf0 } from './amf0.js';
import { ChunkReader } from './chunk-reader.js';
import { DEFAULT_RTMP_LIMITS } from './rtmp-limits.js';
import { RtmpReplies } from './rtmp-replies.js';
import { RtmpSession } from './rtmp-session.js';

/** What a client reads of the answers: the values of each command. */
function said(answer: (replies: RtmpReplies) => void): AmfValue[][] {
  const reader = new ChunkReader(DEFAULT_RTMP_LIMITS);
  const session = new RtmpSession(DEFAULT_RTMP_LIMITS, (bytes) => reader.push(bytes));
  answer(new RtmpReplies(session));
  const commands: AmfValue[][] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) {
    if (message.kind === 'fault') throw new Error(message.message);
    if (message.kind === 'command') commands.push(readAmf0(message.payload));
  }
  return commands;
}

describe('the answer to connect', () => {
  it('names the codecs to a client that speaks of FourCCs', () => {
    const [command] = said((replies) => replies.acceptConnect(1, true));
    const server = command?.[2];
    if (!(server instanceof Map)) throw new Error('no properties');
    const codes = ['avc1', 'hvc1', 'av01', 'vp09', 'vp08', 'mp4a', 'Opus', '.mp3'];
    expect(server.get('fourCcList')).toEqual(codes);
    expect(server.get('videoFourCcInfoMap')).toEqual(new Map(codes.slice(0, 5).map((code) => [code, 1])));
    expect(server.get('audioFourCcInfoMap')).toEqual(new Map(codes.slice(5).map((code) => [code, 1])));
    expect(server.get('capsEx')).toBe(4);
  });

  it('keeps to the old words with others', () => {
    const [command] = said((replies) => replies.acceptConnect(1, false));
    expect(command?.[2]).toEqual(
      new Map<string, AmfValue>([
        ['fmsVer', 'FMS/3,0,1,123'],
        ['capabilities', 31],
      ]),
    );
  });
});

it('long words before a chunk size was announced, and words beyond ASCII, arrive whole', () => {
  const words = `${'Grüße '.repeat(60)}!`;
  const [command] = said((replies) => replies.rejectConnect(1, words));
  const status = command?.[3];
  expect(status instanceof Map && status.get('description')).toBe(words);
});
