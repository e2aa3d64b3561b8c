import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { YAMLParseError } from 'yaml';
import { z } from 'zod';
import { Failure, messageOf } from '../telemetry/failure.js';
import { type Settings, settingsSchema } from './config-schema.js';

/**
 * Settings from, in rising order: defaults, the YAML file, `HEADWATER_A__B`, `--set a.b=value`, and the flags that are
 * settings of their own. A bad value names its key, what was given, where, and what is allowed.
 */
export interface ConfigSources {
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `a.b=value` */
  readonly sets?: readonly string[];
  /** Dotted keys with their text, from flags such as `--http`; a list from those that may be repeated. */
  readonly flags?: Readonly<Record<string, { flag: string; value: string | readonly string[] }>>;
}

const require = createRequire(import.meta.url);
/** Loaded where there is something to read: a start without a file does not wait for it. */
const parse = (text: string): unknown => (require('yaml') as typeof import('yaml')).parse(text);

type Tree = { [key: string]: unknown };

const badSetting = (message: string, hint: string) => new Failure('cli.bad-setting', message, { hint });

export function loadSettings(sources: ConfigSources): Settings {
  const tree = sources.file === undefined ? {} : readFile(sources.file);
  const origin = new Map<string, string>();
  const put = (key: string, value: unknown, from: string) => {
    setAt(tree, key, value, from);
    origin.set(key, from);
  };
  for (const [name, text] of Object.entries(sources.environment ?? {})) {
    if (name.startsWith('HEADWATER_') && text !== undefined) put(keyOfVariable(name), scalar(text), name);
  }
  for (const set of sources.sets ?? []) {
    const at = set.indexOf('=');
    if (at < 1) throw badSetting(`--set ${set}: no value`, 'Write --set a.b=value, for example --set log.level=debug.');
    put(set.slice(0, at), scalar(set.slice(at + 1)), `--set ${set}`);
  }
  for (const [key, { flag, value }] of Object.entries(sources.flags ?? {})) {
    put(key, value, `${flag} ${[value].flat().join(' ')}`);
  }
  return check(tree, origin, sources.file);
}

function readFile(file: string): Tree {
  if (!existsSync(file))
    throw badSetting(`${file}: there is no such file`, 'Name a YAML file; config/headwater.yaml is a commented one.');
  try {
    const tree: unknown = parse(readFileSync(file, 'utf8')) ?? {};
    if (typeof tree === 'object' && !Array.isArray(tree)) return tree as Tree;
    throw badSetting(
      `${file}: holds no settings`,
      'The file must be a YAML mapping of sections; see config/headwater.yaml.',
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    const line = (error as Partial<YAMLParseError>).linePos?.[0].line;
    const place = line === undefined ? '' : ` (line ${line})`;
    throw badSetting(
      `${file}: ${messageOf(error)}${place}`,
      'Correct the YAML; config/headwater.yaml is a commented example.',
    );
  }
}

/** `HEADWATER_HTTP__LISTEN` → `http.listen`; case and single underscores do not matter. */
function keyOfVariable(name: string): string {
  const wanted = name.slice('HEADWATER_'.length).split('__');
  const plain = (word: string) => word.replaceAll('_', '').toLowerCase();
  const path: string[] = [];
  for (const word of wanted) {
    const known = allowedKeys(path).find((key) => plain(key) === plain(word));
    if (known === undefined) {
      throw badSetting(
        `${name}: no such setting`,
        `Allowed here: ${allowedKeys(path).join(', ') || 'nothing below this key'}.`,
      );
    }
    path.push(known);
  }
  return path.join('.');
}

function scalar(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function setAt(tree: Tree, key: string, value: unknown, from: string): void {
  const path = key.split('.');
  for (const [depth, step] of path.entries()) {
    if (!allowedKeys(path.slice(0, depth)).includes(step)) throw unknownKey(key, path.slice(0, depth), from);
  }
  const last = path.pop() ?? '';
  let branch = tree;
  for (const step of path) {
    const next = branch[step] ?? {};
    if (typeof next !== 'object')
      throw badSetting(`${step}: must be a section of settings`, 'See config/headwater.yaml.');
    branch[step] = next;
    branch = next as Tree;
  }
  branch[last] = value;
}

function unknownKey(key: string, path: readonly string[], from: string): Failure {
  return badSetting(`${key}: no such setting (${from})`, `Allowed here: ${allowedKeys(path).join(', ')}.`);
}

function check(tree: Tree, origin: ReadonlyMap<string, string>, file: string | undefined): Settings {
  const result = settingsSchema.safeParse(tree);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => describeIssue(issue, tree, origin, file));
  throw badSetting(lines.map((line) => line.message).join('\n'), lines.map((line) => line.hint).join('\n'));
}

function describeIssue(
  issue: z.core.$ZodIssue,
  tree: Tree,
  origin: ReadonlyMap<string, string>,
  file: string | undefined,
): { message: string; hint: string } {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const key = [...path, issue.keys[0] ?? ''].join('.');
    const from = origin.get(key) ?? file ?? 'settings';
    return { message: `${key}: no such setting (${from})`, hint: `Allowed here: ${allowedKeys(path).join(', ')}.` };
  }
  const leaf = path.filter((step) => !/^\d+$/.test(step));
  const key = leaf.join('.');
  // A bad item of a list of words is shown with its list; a bad key inside an item, by itself.
  const shown = /^\d+$/.test(path.at(-1) ?? '') ? leaf : path;
  const value = shown.reduce<unknown>((branch, step) => (branch as Tree | undefined)?.[step], tree);
  const from = origin.get(key) ?? file ?? 'settings';
  // Of a list, the other items' secrets are not told.
  const told = JSON.stringify(value, (name, inside) => (name === 'secret' ? '…' : inside));
  return {
    message: `${key}: ${told} is not allowed (${from})`,
    hint: `${key} takes ${descriptionAt(leaf)}.`,
  };
}

/** What a schema wraps: a default's or a transform's own schema, or that of a list's items. */
interface Inside {
  readonly def: {
    readonly innerType?: z.core.$ZodType;
    readonly in?: z.core.$ZodType;
    readonly element?: z.core.$ZodType;
  };
}

/** Steps through defaults, transforms and lists down to the schema that says what it holds. */
function inner(schema: z.core.$ZodType): z.core.$ZodType {
  let here = schema;
  for (;;) {
    const { def } = here._zod as Inside;
    const next = def.innerType ?? def.in ?? def.element;
    if (next === undefined) return here;
    here = next;
  }
}

function shapeAt(path: readonly string[]): Record<string, z.core.$ZodType> | null {
  let here: z.core.$ZodType | undefined = settingsSchema;
  for (const step of path) {
    const object: z.core.$ZodType = inner(here);
    here = object instanceof z.ZodObject ? object.shape[step] : undefined;
    if (here === undefined) return null;
  }
  const object = inner(here);
  return object instanceof z.ZodObject ? object.shape : null;
}

function allowedKeys(path: readonly string[]): string[] {
  return Object.keys(shapeAt(path) ?? {});
}

/** Of what stands there, else of the nearest thing around it that says what it takes. */
function descriptionAt(path: readonly string[]): string {
  if (path.length > 1 && shapeAt(path.slice(0, -1)) === null) return descriptionAt(path.slice(0, -1));
  let here: z.core.$ZodType | undefined = shapeAt(path.slice(0, -1))?.[path.at(-1) ?? ''];
  while (here !== undefined) {
    const description = z.globalRegistry.get(here)?.description;
    if (description !== undefined) return description;
    const { def } = here._zod as Inside;
    here = def.innerType ?? def.in;
  }
  return 'a section of settings';
}
