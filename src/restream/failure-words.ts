import { type RestreamAddress, withoutSecrets } from '../media/restream-address.js';

const WORDS_MAX = 300;

/** In the order of how much they say. What ffmpeg and libsrt write, and what it means to whoever set the target up. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [
    /Protocol not found|Unrecognized option 'srt|Option srt_streamid not found/i,
    'this ffmpeg cannot send over this protocol',
  ],
  [
    /Failed to resolve|Name or service not known|Temporary failure in name resolution/i,
    'there is no host of this name',
  ],
  [/Incorrect passphrase|ERROR:BADSECRET/i, 'the target wants another passphrase'],
  [
    /connection rejected|REJECT reported|ERROR:(?:PEER|UNSECURE)/i,
    'the target rejects the connection: look at streamid and passphrase',
  ],
  [/certificate|TLS handshake|Error in the pull function/i, "the target's certificate cannot be trusted"],
  [/Connection refused/i, 'nothing listens there (connection refused)'],
  [/No route to host|Network is unreachable/i, 'there is no way to this host'],
  [/Server error: ([^\n]*)/i, 'the target refuses the stream'],
  [
    /Broken pipe|Connection reset|Connection does not exist|Connection was broken|End of file/i,
    'the target closed the connection',
  ],
  [/timed out|Connection setup failure|Connection to srt:[^\n]* failed/i, 'the target does not answer'],
];

/**
 * Why a connection to a target ended, in words without secrets. `stderr`: what its ffmpeg wrote; `summary`: how it ended, for
 * where nothing better is found.
 */
export function failureWords(address: RestreamAddress, stderr: string, summary: string): string {
  const found = MEANINGS.find(([pattern]) => pattern.test(stderr));
  const said = found?.[0].exec(stderr)?.[1]?.trim() ?? '';
  const words = found === undefined ? summary : said === '' ? found[1] : `${found[1]}: ${said}`;
  return printable(withoutSecrets(words, address)).slice(0, WORDS_MAX);
}

/** What a server says goes to terminals and pages. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').trim();
