import { recordedOffer } from '../../src/ingest/whip/recorded.fixture.js';

/** Like OBS. */

const OBS = `v=0
o=rtc 3767197920 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=setup:actpass
a=ice-ufrag:O3Kn
a=ice-pwd:nMG+uKtJ4LUaN+fzVf1Xc4
a=fingerprint:sha-256 0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
`;

const FRAGMENT = `a=ice-ufrag:aB3d
a=ice-pwd:0123456789abcdefghijklmn
m=audio 9 UDP/TLS/RTP/SAVPF 0
a=mid:0
a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0
a=candidate:1853887674 1 udp 1518280447 2001:db8::1 36768 typ srflx raddr 192.168.0.196 rport 36768
a=end-of-candidates
`;

const lines = (text: string) => text.replaceAll('\n', '\r\n');

export const OFFERS = [recordedOffer('chromium-h264'), recordedOffer('chromium-vp8'), lines(OBS)];
export const FRAGMENTS = [lines(FRAGMENT), FRAGMENT];

/** What the library that runs the transport answers. */
export const LOCAL_ANSWER = lines(`v=0
o=rtc 1 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=setup:active
a=ice-ufrag:Qx7p
a=ice-pwd:ABCDEFGHIJKLMNOPQRSTUVWX
a=fingerprint:sha-256 FF:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9
a=candidate:1 1 UDP 2122317823 127.0.0.1 50000 typ host
`);
