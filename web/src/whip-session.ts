import { problemWords } from './api.js';

/** One WHIP session: the media connection, and the address that ends it. */
export interface WhipSession {
  readonly connection: RTCPeerConnection;
  readonly location: string;
}

interface Offered {
  readonly stream: MediaStream;
  readonly streamKey: string;
  readonly backup: boolean;
  readonly bitrate: number;
}

/** The box refused, with its words. */
export class WhipRefused extends Error {
  /** Asking again later may help. */
  readonly passing: boolean;
  /** The channel has another publisher. */
  readonly taken: boolean;

  constructor(status: number, words: string) {
    super(words);
    this.passing = status >= 500 || status === 429;
    this.taken = status === 409;
  }
}

/** Candidates of this machine are found at once; a bad network interface must not hold the broadcast up. */
const gatheringMs = 2000;
const answerMs = 15_000;

/** Offers the stream to the box (RFC 9725 §4.2). Throws `WhipRefused`, or what the network says. */
export async function openSession({ stream, streamKey, backup, bitrate }: Offered): Promise<WhipSession> {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  try {
    for (const track of stream.getTracks()) offerTrack(connection, track, stream, bitrate);
    await connection.setLocalDescription();
    await gathered(connection);
    const response = await fetch(backup ? '/whip?backup=1' : '/whip', {
      method: 'POST',
      headers: { authorization: `Bearer ${streamKey}`, 'content-type': 'application/sdp' },
      body: connection.localDescription?.sdp ?? '',
      signal: AbortSignal.timeout(answerMs),
    });
    const text = await response.text();
    if (response.status !== 201) throw refusal(response.status, text);
    const location = new URL(response.headers.get('location') ?? '', response.url).href;
    await connection.setRemoteDescription({ type: 'answer', sdp: text });
    return { connection, location };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Ends the session on both sides; the box hears of it even while the page is being left. */
export function endSession({ connection, location }: WhipSession): void {
  connection.onconnectionstatechange = null;
  connection.close();
  fetch(location, { method: 'DELETE', keepalive: true }).catch(() => {});
}

function offerTrack(
  connection: RTCPeerConnection,
  track: MediaStreamTrack,
  stream: MediaStream,
  bitrate: number,
): void {
  const isVideo = track.kind === 'video';
  const sendEncodings = [isVideo ? { maxBitrate: bitrate, maxFramerate: 30 } : { maxBitrate: 128_000 }];
  const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
  if (!isVideo) return;
  preferH264(transceiver);
  keepSize(transceiver.sender);
}

/** H.264 goes through the box without another decoder; VP8 is what every browser has. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const rank = ({ mimeType, sdpFmtpLine = '' }: RTCRtpCodec) => {
    if (mimeType === 'video/H264') return sdpFmtpLine.includes('packetization-mode=1') ? 0 : 1;
    return mimeType === 'video/VP8' ? 2 : 3;
  };
  const preferred = codecs.toSorted((a, b) => rank(a) - rank(b));
  if (preferred.length > 0) transceiver.setCodecPreferences?.(preferred);
}

/** On a thin line, fewer pictures rather than smaller ones: a change of size interrupts the transcoding. */
function keepSize(sender: RTCRtpSender): void {
  const parameters = sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
  parameters.degradationPreference = 'maintain-resolution';
  sender.setParameters(parameters).catch(() => {});
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, gatheringMs);
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };
  });
}

function refusal(status: number, text: string): WhipRefused {
  if (status === 404)
    return new WhipRefused(404, 'This box does not take broadcasts from browsers (webrtc.listen is null).');
  return new WhipRefused(status, problemWords(text) ?? `The box answered ${status}.`);
}
