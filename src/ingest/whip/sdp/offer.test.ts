import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedOffer } from '../recorded.fixture.js';
import { agree, mediaAgreement } from './agreement.js';
import { publicCandidates, readLocalTransport, writeAnswer, writeTransportOffer } from './answer.js';
import { type Offer, readOffer } from './offer.js';

const H264 = recordedOffer('chromium-h264');
const VP8 = recordedOffer('chromium-vp8');

function offerOf(text: string): Offer {
  const read = readOffer(text);
  if (!read.ok) throw new Error(read.message);
  return read.offer;
}

const agreed = (text: string) => {
  const agreement = agree(offerOf(text));
  return agreement && mediaAgreement(agreement);
};

describe('an offer', () => {
  it("of Chromium's is read", () => {
    const offer = offerOf(VP8);
    expect(offer).toMatchObject({ iceUfrag: '6/Q/', setup: 'actpass', candidates: [] });
    expect(offer.fingerprint.algorithm).toBe('sha-256');
    expect(offer.sections.map(({ kind, mid, usable }) => [kind, mid, usable])).toEqual([
      ['video', '0', true],
      ['audio', '1', true],
    ]);
  });

  it.each([
    ['', 'no session description'],
    ['v=0\r\n', 'no media section'],
    ['not sdp at all', 'no session description'],
    [VP8.replaceAll(/a=ice-pwd.*\r\n/g, ''), 'ice-pwd'],
    [VP8.replaceAll('ice-ufrag:6/Q/', 'ice-ufrag:6\x01'), 'ice-ufrag'],
    [VP8.replaceAll(/a=fingerprint.*\r\n/g, 'a=fingerprint:md5 00\r\n'), 'fingerprint'],
    [VP8.replace('m=audio 9', 'm=audio nine'), 'damaged'],
    [VP8.replaceAll('a=setup:actpass', 'a=setup:holdconn'), 'setup'],
    [`${VP8}${'m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(20)}`, 'no session description'],
  ])('that is none is refused with a reason (%#)', (text, reason) => {
    const read = readOffer(text);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.message).toContain(reason);
  });

  it('keeps candidates that are UDP addresses, and no names', () => {
    const lines = [
      'a=candidate:1 1 udp 2122260223 192.0.2.2 50000 typ host generation 0',
      'a=candidate:2 1 udp 1 2001:db8::1 50001 typ srflx raddr 10.0.0.1 rport 1',
      'a=candidate:3 1 udp 2122260223 0b1c.local 50000 typ host',
      'a=candidate:4 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active',
      'a=candidate:5 2 udp 1 192.0.2.2 50000 typ host',
      'a=candidate:6 1 udp 1 fe80::1%eth0 50000 typ host',
      'a=candidate:7 1 udp 1 192.0.2.2 0 typ host',
    ];
    const { candidates } = offerOf(VP8.replace('a=mid:0', `a=mid:0\r\n${lines.join('\r\n')}`));
    expect(candidates).toEqual([
      'candidate:1 1 UDP 2122260223 192.0.2.2 50000 typ host',
      'candidate:2 1 UDP 1 2001:db8::1 50001 typ srflx raddr 0.0.0.0 rport 9',
    ]);
  });

  it('is read or refused whatever becomes of its lines', () => {
    const lines = H264.split('\r\n');
    const change = fc.record({ line: fc.nat(lines.length - 1), text: fc.string({ maxLength: 60 }), at: fc.nat(80) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const changed = [...lines];
        for (const { line, text, at } of changes) {
          const old = changed[line] ?? '';
          changed[line] = at % 3 === 0 ? text : old.slice(0, at) + text + old.slice(at + 1);
        }
        const read = readOffer(changed.join('\r\n'));
        if (!read.ok) return;
        const agreement = agree(read.offer);
        // Nothing that the publisher wrote gets a line of its own in what we write.
        const written = writeTransportOffer(read.offer).split('\r\n');
        expect(written.every((line) => /^([vosctm]=|a=[a-z-]+)/.test(line) || line === '')).toBe(true);
        if (agreement !== null) writeAnswer(read.offer, agreement, LOCAL, '1');
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(readOffer(text).ok).toBe(false);
      }),
    );
  });
});

describe('what is agreed on', () => {
  it('is H.264 in packetization mode 1 where it is offered, else VP8; one type each, and its retransmissions', () => {
    expect(agreed(H264)).toEqual({
      video: { codec: 'h264', payloadType: 108, retransmissionType: 109, nack: true },
      audio: { payloadType: 111, nack: false },
    });
    expect(agreed(VP8)?.video).toEqual({ codec: 'vp8', payloadType: 96, retransmissionType: 97, nack: true });
    expect(agreed(H264.replaceAll('packetization-mode=1', 'packetization-mode=0'))?.video?.codec).toBe('vp8');
  });

  it('may be one kind alone, and is nothing where there is no format for us', () => {
    expect(agreed(VP8.replace('VP8/90000', 'VP9/90000'))).toMatchObject({ video: null, audio: { payloadType: 111 } });
    expect(agreed(VP8.replace('opus/48000/2', 'opus2/48000/2'))).toMatchObject({ audio: null });
    expect(agree(offerOf(VP8.replace('VP8/90000', 'VP9/90000').replace('opus/48000/2', 'opus2/48000/2')))).toBeNull();
    for (const without of ['a=rtcp-mux\r\n', 'a=group:BUNDLE 0 1\r\n']) {
      expect(agree(offerOf(VP8.replaceAll(without, '')))).toBeNull();
    }
    expect(agree(offerOf(VP8.replaceAll('a=sendonly', 'a=recvonly')))).toBeNull();
  });
});

const LOCAL = {
  iceUfrag: 'ours',
  icePassword: 'ourpasswordourpasswordou',
  fingerprint: 'sha-256 AA:BB',
  setup: 'passive',
  candidates: ['candidate:1 1 UDP 2114977791 127.0.0.1 8189 typ host'],
};

describe('the answer', () => {
  it('accepts one format a section, names our feedback, and rejects what is not taken', () => {
    const text = `${VP8}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n`;
    const offer = offerOf(text);
    const agreement = agree(offer);
    if (agreement === null) throw new Error('nothing agreed');
    const answer = writeAnswer(offer, agreement, LOCAL, '7');
    expect(answer).toContain('m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n');
    expect(answer).toContain('a=rtcp-fb:96 nack pli\r\n');
    expect(answer).not.toContain('transport-cc');
    expect(answer).not.toContain('extmap');
    expect(answer).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n');
    expect(answer).toContain('a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=128000\r\n');
    expect(answer).toContain('m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n');
    expect(answer).toContain('a=group:BUNDLE 0 1\r\n');
    expect(answer.match(/a=candidate:/g)).toHaveLength(1);
    expect(answer.match(/a=recvonly/g)).toHaveLength(2);
  });

  it('has the addresses under which others reach the box before those that it found', () => {
    const [first, second] = publicCandidates(['192.0.2.9', '2001:db8::9'], 8189);
    expect(first).toBe('candidate:p0 1 UDP 2130706431 192.0.2.9 8189 typ host');
    expect(second).toContain('2001:db8::9 8189');
  });

  it("is made of the library's description, or not at all", () => {
    const own = writeTransportOffer({ ...offerOf(VP8), candidates: LOCAL.candidates });
    expect(readLocalTransport(own)).toMatchObject({ iceUfrag: '6/Q/', setup: 'active', candidates: LOCAL.candidates });
    expect(readLocalTransport('')).toBeNull();
    expect(readLocalTransport('v=0\r\nm=video 9 X 1\r\n')).toBeNull();
  });
});
