import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RestreamAddress, readRestreamUrl, shownRestreamUrl, withoutSecrets } from './restream-address.js';

function read(text: string): RestreamAddress {
  const reading = readRestreamUrl(text);
  if (!reading.ok) throw new Error(reading.problem);
  return reading.address;
}

test.each([
  [
    'rtmp://a.rtmp.example/live2/abcd-efgh',
    { host: 'a.rtmp.example', port: 1935, app: 'live2', streamKey: 'abcd-efgh' },
  ],
  [
    'RTMPS://Live.Example:443/rtmp/FB-1?s_bl=1&x=a/b',
    { scheme: 'rtmps', host: 'live.example', app: 'rtmp', streamKey: 'FB-1?s_bl=1&x=a/b' },
  ],
  ['rtmps://h/app/instance/key', { port: 443, app: 'app/instance', streamKey: 'key' }],
  ['rtmp://[2001:db8::1]:1936/live/k', { host: '2001:db8::1', port: 1936 }],
])('RTMP: %s', (text, parts) => {
  expect(read(text)).toMatchObject(parts);
});

test.each([
  ['srt://h:9000', { streamId: null, passphrase: null, latencyMs: null, keyBytes: 16 }],
  [
    'srt://h:9000/?streamid=#!::r=live/x,m=publish&passphrase=ten%20letters&latency=400',
    { streamId: '#!::r=live/x,m=publish', passphrase: 'ten letters', latencyMs: 400 },
  ],
  ['srt://h:9000?streamid=100%&mode=caller&transtype=live&pbkeylen=32', { streamId: '100%', keyBytes: 32 }],
])('SRT: %s', (text, parts) => {
  expect(read(text)).toMatchObject({ scheme: 'srt', host: 'h', port: 9000, ...parts });
});

test.each([
  ['http://h/live/k', /rtmp:\/\/HOST/],
  ['file:///etc/passwd', /rtmp:\/\/HOST/],
  ['rtmp://user:pass@h/live/k', /without a user name/],
  ['rtmp://h', /application and a stream key/],
  ['rtmp://h/live', /application and a stream key/],
  ['rtmp://h/live/', /application and a stream key/],
  ['rtmp://h/live/a b', /no spaces/],
  ['rtmp://h/live/a\nacodec=x', /rtmp:\/\/HOST|no spaces/],
  ['rtmp://h:0/live/k', /1 to 65535/],
  ['rtmp://h:70000/live/k', /1 to 65535/],
  [`rtmp://h/live/${'k'.repeat(901)}`, /at most 900/],
  [`rtmp://h/live/${'k'.repeat(3000)}`, /at most 2048/],
  ['srt://h?streamid=x', /names its port/],
  ['srt://h:1/path', /no path/],
  ['srt://h:1?mode=listener', /streamid, passphrase/],
  ['srt://h:1?tlpktdrop=0', /streamid, passphrase/],
  ['srt://h:1?streamid=a&streamid=b', /each once/],
  ['srt://h:1?passphrase=short', /10 to 79/],
  ['srt://h:1?latency=200000', /milliseconds here/],
  ['srt://h:1?streamid=a%0Apassphrase=x', /printable/],
])('%s is refused', (text, problem) => {
  const reading = readRestreamUrl(text);
  expect(reading.ok ? '' : reading.problem).toMatch(problem);
});

test('is shown without its secrets', () => {
  expect(shownRestreamUrl(read('rtmps://h/app/se-cret'))).toBe('rtmps://h:443/app/***');
  const srt = read('srt://[::1]:9?streamid=se-cret&passphrase=0123456789&latency=20');
  expect(shownRestreamUrl(srt)).toBe('srt://[::1]:9?streamid=***&passphrase=***&latency=20');
  const said = 'Connection to srt://h:9?streamid=se-cret failed: 0123456789';
  expect(withoutSecrets(said, srt)).toBe('Connection to srt://h:9?streamid=*** failed: ***');
});

test('any text is read or refused, and neither answer tells a secret', () => {
  const secret = fc.stringMatching(/^[A-Z]{12,40}$/);
  fc.assert(fc.property(fc.string(), (text) => void readRestreamUrl(text)));
  fc.assert(
    fc.property(
      fc.constantFrom('rtmp://h/a/', 'srt://h:1?streamid=', 'srt://h:1?passphrase=', 'rtmp://h/', 'srt://h:1?x='),
      secret,
      (head, key) => {
        const reading = readRestreamUrl(head + key);
        expect(reading.ok ? shownRestreamUrl(reading.address) : reading.problem).not.toContain(key);
        if (reading.ok) expect(withoutSecrets(`said ${key}`, reading.address)).toBe('said ***');
      },
    ),
  );
});
