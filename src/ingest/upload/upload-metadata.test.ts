import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metadataOf } from './upload.fixture.js';
import { readUploadMetadata, TITLE_LENGTH_MAX } from './upload-metadata.js';

describe('readUploadMetadata', () => {
  it('gives any printable title and description back, trimmed', () => {
    const words = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => !/\p{Cc}|\u{FFFD}/u.test(text));
    fc.assert(
      fc.property(words, words, (title, description) => {
        const read = readUploadMetadata(metadataOf({ title, description }));
        expect(read).toMatchObject({ ok: true, title: title.trim() || 'Untitled', description: description.trim() });
      }),
    );
  });

  it('takes any header without throwing, and never a title that is empty or too long', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `title ${text}`),
          fc.base64String().map((text) => `filename ${text}`),
        ),
        (header) => {
          const read = readUploadMetadata(header);
          if (!read.ok) expect(read.detail.length).toBeGreaterThan(10);
          else expect(read.title.length > 0 && read.title.length <= TITLE_LENGTH_MAX).toBe(true);
        },
      ),
    );
  });

  it.each([
    [undefined, 'Untitled'],
    ['', 'Untitled'],
    [metadataOf({ filename: '.mp4' }), '.mp4'],
    [metadataOf({ filename: 'a/b/c.tar.gz' }), 'c.tar'],
    [metadataOf({ title: '  ', filename: 'x.mkv' }), 'x'],
    ['title', 'Untitled'],
  ])('%s is titled %s', (header, title) => {
    expect(readUploadMetadata(header)).toMatchObject({ ok: true, title });
  });
});
