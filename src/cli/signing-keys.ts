/** The keys that sign addresses, from the settings. Their secrets are in no message. */
import { readFileSync } from 'node:fs';
import type { SigningKey } from '../edge-cache/gates/signed-token.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { Settings } from './config-schema.js';

const idShape = /^[A-Za-z0-9_-]{1,32}$/;
/** Shorter ones can be guessed. */
const secretLengthMin = 16;

type KeySetting = Settings['edge']['signed']['keys'][number];

/** In the order of the settings: the first one signs. Throws a `Failure` for a key that cannot be used. */
export function readSigningKeys({ edge }: Settings): SigningKey[] {
  const { keys } = edge.signed;
  const twice = keys.find(({ id }, at) => keys.findIndex((other) => other.id === id) !== at);
  if (twice !== undefined) throw badKey(`two keys have the id ${twice.id}`, 'Give each key an id of its own.');
  return keys.map(readKey);
}

function readKey({ id, secret, secretFile }: KeySetting): SigningKey {
  if (!idShape.test(id)) {
    throw badKey(`${JSON.stringify(id)} is no id`, 'An id has 1 to 32 letters, digits, - and _; everybody may see it.');
  }
  if ((secret === null) === (secretFile === null)) {
    throw badKey(
      `the key ${id} needs a secret or a secretFile`,
      'Name one of the two; secretFile keeps it out of the settings.',
    );
  }
  const read = secret ?? readSecretFile(id, secretFile ?? '');
  if (read.length >= secretLengthMin && read.length <= 512) return { id, secret: read };
  throw badKey(
    `the secret of the key ${id} has ${read.length} characters`,
    `It must have ${secretLengthMin} to 512; make one with: openssl rand -base64 32`,
  );
}

/** White space around it is no part of it: editors end files with a line break. */
function readSecretFile(id: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw badKey(
      `the secret of the key ${id} cannot be read: ${messageOf(error)}`,
      'Put it into that file, readable for the user that runs headwater: openssl rand -base64 32 > FILE',
    );
  }
}

const badKey = (message: string, hint: string) =>
  new Failure('cli.bad-setting', `edge.signed.keys: ${message}`, { hint });
