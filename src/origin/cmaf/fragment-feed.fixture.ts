import type { Readable } from 'node:stream';
import { BoxReader } from './box-reader.js';
import { type LadderOptions, runLadder } from './ffmpeg-live.fixture.js';

export type LadderId = 'v180' | 'v90' | 'audio';

/** What ffmpeg made of a ladder, in pieces that a test hands on when it likes: the header first, then fragment by fragment. */
export type FragmentFeed = Readonly<Record<LadderId, readonly Buffer[]>>;

/** Fragments of a fifth of a second each. */
export async function fragmentFeed(options: LadderOptions): Promise<FragmentFeed> {
  const { pipes, done } = runLadder(options);
  const [v180, v90, audio] = await Promise.all([pieces(pipes.v180), pieces(pipes.v90), pieces(pipes.audio)]);
  await done;
  return { v180, v90, audio };
}

async function pieces(pipe: Readable): Promise<Buffer[]> {
  const reader = new BoxReader();
  const found: Buffer[][] = [[]];
  for await (const bytes of pipe as AsyncIterable<Buffer>) {
    for (const box of reader.push(bytes)) {
      if (box.type === 'moof') found.push([]);
      found.at(-1)?.push(Buffer.from(box.bytes));
    }
  }
  return found.map((boxes) => Buffer.concat(boxes));
}
