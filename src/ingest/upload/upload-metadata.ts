import { Metadata } from '@tus/server';

/** What an uploader may say about the file, and how much of it. Lengths in UTF-16 units. */
export const TITLE_LENGTH_MAX = 200;
const DESCRIPTION_LENGTH_MAX = 5000;
const FILENAME_LENGTH_MAX = 255;

export type UploadWords =
  | {
      readonly ok: true;
      readonly title: string;
      readonly description: string;
      readonly metadata: Record<string, string | null>;
    }
  | { readonly ok: false; readonly detail: string };

/**
 * Reads the `Upload-Metadata` header (tus 1.0, "Creation"): `title`, `description` and `filename` are ours, other keys are
 * given back on HEAD and otherwise ignored. Without a title the file's name serves, without both "Untitled".
 */
export function readUploadMetadata(header: string | undefined): UploadWords {
  const metadata = parse(header);
  if (metadata === null) {
    return {
      ok: false,
      detail: 'Upload-Metadata must be comma-separated pairs of a key and a base64 value, each key once.',
    };
  }
  const filename = (metadata.filename ?? '').trim();
  const title = (metadata.title ?? '').trim() || baseName(filename) || 'Untitled';
  const description = (metadata.description ?? '').trim();
  const detail =
    fault('filename', filename, FILENAME_LENGTH_MAX) ??
    fault('title', title, TITLE_LENGTH_MAX) ??
    fault('description', description, DESCRIPTION_LENGTH_MAX);
  return detail === null ? { ok: true, title, description, metadata } : { ok: false, detail };
}

function parse(header: string | undefined): Record<string, string | null> | null {
  if (header === undefined || header.trim() === '') return {};
  try {
    return Metadata.parse(header);
  } catch {
    return null;
  }
}

/** The last part of a path of either slash, without its extension, no longer than a title may be. */
function baseName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? '';
  return last
    .replace(/(?<=.)\.[^.]*$/, '')
    .slice(0, TITLE_LENGTH_MAX)
    .trim();
}

function fault(key: string, value: string, lengthMax: number): string | null {
  if (value.length > lengthMax) return `${key} has ${value.length} characters; ${lengthMax} are allowed.`;
  const control = key === 'description' ? /[^\P{Cc}\t\n\r]/u : /\p{Cc}/u;
  if (control.test(value)) return `${key} holds control characters.`;
  // Base64 of something that is not UTF-8 decodes to U+FFFD.
  return value.includes('\u{FFFD}') ? `${key} is not valid UTF-8.` : null;
}
