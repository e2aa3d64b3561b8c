import { type Answer, bytesAnswer, type ContentFacts, streamAnswer } from './answer.js';
import type { ShieldedObject } from './shield.js';

/** An object as an answer; its own etag is the answer's. */
export function objectAnswer(object: ShieldedObject, facts: ContentFacts): Answer {
  const { etag, size } = object.facts;
  if (object.kind === 'bytes') return bytesAnswer(object.bytes, { ...facts, etag });
  const open = async (range?: { start: number; end: number }) => {
    const opened = await object.open(range);
    return opened && { body: opened.object.body, release: opened.release };
  };
  return streamAnswer({ kind: 'stream', size, open }, { ...facts, etag });
}
