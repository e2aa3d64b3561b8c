import type { Answer } from './answer.js';

/** The bytes of an answer; null when they have gone meanwhile, or are not all there yet. What is stored is bounded where it was made. */
export async function readWhole({ content }: Answer): Promise<Buffer | null> {
  if (content.kind === 'bytes') return content.bytes;
  const opened = content.kind === 'stream' ? await content.open() : null;
  if (opened === null) return null;
  try {
    const pieces: Buffer[] = [];
    for await (const piece of opened.body as AsyncIterable<Buffer>) pieces.push(piece);
    return Buffer.concat(pieces);
  } finally {
    opened.release();
  }
}
