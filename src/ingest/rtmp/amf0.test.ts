import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmfError, readAmf0 } from './amf0.js';
import { amf } from './rtmp-client.fixture.js';
import { readCommand } from './rtmp-command.js';
import { readStreamMetadata } from './stream-metadata.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('values', () => {
  it('are read with their types', () => {
    expect(readAmf0(amf('connect', 1, { app: 'live' }, null))).toEqual([
      'connect',
      1,
      new Map([['app', 'live']]),
      null,
    ]);
    expect(readAmf0(hex('01 01  06  0c 00000001 61  0b 0000000000000000 0000'))).toEqual([true, undefined, 'a', 0]);
  });

  it('after an ECMA array, and within a strict one, are found', () => {
    const array = hex('08 00000009 0001 61 05 0000 09');
    expect(readAmf0(Buffer.concat([array, amf(7)]))).toEqual([new Map([['a', null]]), 7]);
    expect(readAmf0(hex('0a 00000002 05 0101'))).toEqual([[null, true]]);
  });

  it('named like parts of every object stay plain', () => {
    const [value] = readAmf0(amf({ ['__proto__']: 1, constructor: 2 }));
    expect(value instanceof Map && value.get('constructor')).toBe(2);
  });

  it.each([
    ['a marker that nobody sends', '11'],
    ['a text longer than the message', '02 00ff 61'],
    ['an array of four thousand million', '0a ffffffff 05'],
    ['a property without a name', '03 0000 05'],
  ])('%s is refused', (_, bytes) => {
    expect(() => readAmf0(hex(bytes))).toThrow(AmfError);
  });

  it('nested without end are refused', () => {
    expect(() => readAmf0(Buffer.concat(Array.from({ length: 20_000 }, () => hex('0a 00000001'))))).toThrow(AmfError);
  });
});

it('foreign bytes give a command, metadata, or nothing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('publish', 'connect', 'onMetaData', ''),
      (tail, name) => {
        const bytes = Buffer.concat([name === '' ? Buffer.alloc(0) : amf(name), Buffer.from(tail)]);
        readCommand(bytes);
        readStreamMetadata(bytes);
      },
    ),
    { numRuns: 2000 },
  );
});

describe('commands', () => {
  it('lose what encoders add to names', () => {
    expect(readCommand(amf('connect', 1, { app: 'live/?x=1' }))).toMatchObject({ app: 'live' });
    expect(readCommand(amf('publish', 5, null, 'secret?bandwidth=1', 'live'))).toEqual({
      name: 'publish',
      streamKey: 'secret',
      backup: false,
    });
    expect(readCommand(amf('publish', 5, null, 'secret?a=b&backup=1&c', 'live'))).toMatchObject({ backup: true });
    expect(readCommand(amf('publish', 5, null, 'secret?backup=0'))).toMatchObject({
      streamKey: 'secret',
      backup: false,
    });
    expect(readCommand(amf('publish', 5, null, `?${'backup=1&'.repeat(500)}`))).toMatchObject({ backup: false });
    expect(readCommand(amf('publish', 5, null, 'x'.repeat(5000)))).toMatchObject({ streamKey: '' });
    expect(readCommand(amf('FCUnpublish', 5, null, 'secret'))).toEqual({ name: 'unpublish' });
    expect(readCommand(amf(5))).toBeNull();
  });
});

describe('metadata', () => {
  it('names rate and tracks', () => {
    const properties = { framerate: 29.97, videocodecid: 7, audiocodecid: 10 };
    expect(readStreamMetadata(amf('@setDataFrame', 'onMetaData', properties))).toEqual({
      frameRate: 29.97,
      tracks: ['video', 'audio'],
    });
    expect(readStreamMetadata(amf('onMetaData', { videocodecid: 7, framerate: 0 }))).toEqual({ tracks: ['video'] });
    expect(readStreamMetadata(amf('onMetaData', { title: 'x' }))).toEqual({});
    expect(readStreamMetadata(amf('onCuePoint', {}))).toBeNull();
  });
});
