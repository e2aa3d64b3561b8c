import { AmfError, type AmfValue, readAmf0 } from './amf0.js';
import { CAPABILITY_NAMES } from './enhanced-capabilities.js';

/** A command that a publishing client may send, with what matters of its arguments. */
export type RtmpCommand =
  | {
      readonly name: 'connect';
      readonly transaction: number;
      readonly app: string;
      /** It names codecs by FourCC (enhanced RTMP). */
      readonly enhanced: boolean;
    }
  | { readonly name: 'createStream'; readonly transaction: number }
  | { readonly name: 'publish'; readonly streamKey: string; readonly backup: boolean }
  | { readonly name: 'play' }
  /** Sent before publishing by most encoders; some wait for an answer. */
  | { readonly name: 'announce'; readonly transaction: number }
  | { readonly name: 'unpublish' }
  | { readonly name: 'other' };

const TEXT_MAX = 512;
const ANNOUNCEMENTS = new Set(['releaseStream', 'FCPublish']);
const ENDINGS = new Set(['FCUnpublish', 'closeStream', 'deleteStream']);

/** Null for bytes that are no command. */
export function readCommand(payload: Buffer): RtmpCommand | null {
  const values = readValues(payload);
  if (values === null) return null;
  const [name, transactionValue, properties, argument] = values;
  if (typeof name !== 'string') return null;
  const transaction = typeof transactionValue === 'number' && Number.isFinite(transactionValue) ? transactionValue : 0;
  if (name === 'connect') return { name, transaction, app: appName(properties), enhanced: isEnhanced(properties) };
  if (name === 'createStream') return { name, transaction };
  if (name === 'publish') return { name, streamKey: withoutQuery(argument), backup: asksForBackup(argument) };
  if (name === 'play' || name === 'play2') return { name: 'play' };
  if (ANNOUNCEMENTS.has(name)) return { name: 'announce', transaction };
  return { name: ENDINGS.has(name) ? 'unpublish' : 'other' };
}

function readValues(payload: Buffer): AmfValue[] | null {
  try {
    return readAmf0(payload);
  } catch (error) {
    if (error instanceof AmfError) return null;
    throw error;
  }
}

/** The first part of the address's path. Encoders differ in the slash and the query that they leave on it. */
function appName(properties: AmfValue): string {
  const app = properties instanceof Map ? withoutQuery(properties.get('app')) : '';
  return app.replace(/^\/|\/$/g, '');
}

function isEnhanced(properties: AmfValue): boolean {
  return properties instanceof Map && CAPABILITY_NAMES.some((name) => properties.has(name));
}

/** `<streamKey>?backup=1`; every other parameter is an encoder's own affair. */
function asksForBackup(publishName: AmfValue): boolean {
  if (typeof publishName !== 'string' || publishName.length > TEXT_MAX) return false;
  const query = publishName.indexOf('?');
  return query >= 0 && new URLSearchParams(publishName.slice(query + 1)).get('backup') === '1';
}

/** '' stands for a name that is missing, too long or not a text; no key and no app is ''. */
function withoutQuery(value: AmfValue): string {
  if (typeof value !== 'string' || value.length > TEXT_MAX) return '';
  return value.split('?')[0] ?? '';
}
