import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseUrl, callerAddress, pushUrls, reachedHost } from './reached.js';

describe('the address that a caller is told', () => {
  it.each([
    [{ host: '127.0.0.1:9000' }, 'http://127.0.0.1:9000'],
    [{ host: '127.0.0.1:9000', 'x-forwarded-host': 'tv.example' }, 'http://tv.example'],
    [{ host: 'a', 'x-forwarded-host': 'tv.example:8443', 'x-forwarded-proto': 'https' }, 'https://tv.example:8443'],
    [{ host: '[::1]:8080' }, 'http://[::1]:8080'],
    [{ host: 'a', 'x-forwarded-proto': 'javascript' }, 'http://a'],
    [{ host: 'evil.example/"><script>' }, 'http://localhost'],
    [{}, 'http://localhost'],
  ])('%o → %s', (headers, base) => {
    expect(baseUrl(headers, null)).toBe(base);
  });

  it('never holds more than a host and a port, whatever the header says', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.domain(),
          fc.ipV6().map((address) => `[${address}]:1`),
        ),
        (host) => {
          const reached = reachedHost({ host });
          if (reached !== null) expect(reached).toMatch(/^[A-Za-z0-9._:[\]-]+$/);
        },
      ),
    );
  });

  it.each([
    ['http://tv.example:8080', '0.0.0.0:1935', 'rtmp://tv.example:1935/live/key'],
    ['https://tv.example', ':1936', 'rtmp://tv.example:1936/live/key'],
    ['http://[2001:db8::1]:8080', '[::]:1935', 'rtmp://[2001:db8::1]:1935/live/key'],
  ])('push to %s with RTMP at %s: %s', (base, rtmp, url) => {
    expect(pushUrls({ base, addresses: { rtmp }, streamKey: 'key', passphrase: null })).toEqual({ rtmpUrl: url });
  });

  it('has an address for every protocol that is served, with what it needs to get in', () => {
    const addresses = { rtmp: ':1935', rtmps: ':1936', srt: '[::]:8890', webrtc: '0.0.0.0:8189' };
    const pushing = { base: 'https://[2001:db8::1]', addresses, streamKey: 'key', passphrase: null };
    expect(pushUrls(pushing)).toEqual({
      rtmpUrl: 'rtmp://[2001:db8::1]:1935/live/key',
      rtmpsUrl: 'rtmps://[2001:db8::1]:1936/live/key',
      srtUrl: 'srt://[2001:db8::1]:8890?streamid=key',
      whipUrl: 'https://[2001:db8::1]/whip',
    });
    const { srtUrl } = pushUrls({ ...pushing, passphrase: 'a&b=c d#e%f+g' });
    expect(srtUrl).toBe('srt://[2001:db8::1]:8890?streamid=key&passphrase=a%26b%3Dc%20d%23e%25f%2Bg&pbkeylen=16');
    expect(new URL(srtUrl ?? '').searchParams.get('passphrase')).toBe('a&b=c d#e%f+g');
  });

  it('believes the last of the forwarded addresses', () => {
    expect(callerAddress({ 'x-forwarded-for': '10.0.0.1, 198.51.100.7' }, '127.0.0.1')).toBe('198.51.100.7');
    expect(callerAddress({}, '127.0.0.1')).toBe('127.0.0.1');
  });
});
