import type { Page } from 'playwright-core';

/** A page that publishes its (fake) camera and microphone by WHIP, as any page elsewhere could. */
export interface WhipPage {
  /** The session's address, absolute. */
  readonly location: string;
  /** `RTCPeerConnection.connectionState`. */
  state(): Promise<string>;
  /** Ends the session as a publisher should. */
  stop(): Promise<number>;
}

// As text, because it runs in the page: the tests' own code knows no DOM.
const publishScript = `async ({ url, streamKey, codec, width, height }) => {
  const video = { width, height, frameRate: 20 };
  const media = await navigator.mediaDevices.getUserMedia({ video, audio: true });
  const connection = new RTCPeerConnection();
  for (const track of media.getTracks()) {
    const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    if (track.kind !== 'video') continue;
    const { codecs } = RTCRtpSender.getCapabilities('video');
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => [codec, 'video/rtx'].includes(mimeType)));
  }
  await connection.setLocalDescription();
  const headers = { 'content-type': 'application/sdp', authorization: 'Bearer ' + streamKey };
  const answer = await fetch(url, { method: 'POST', body: connection.localDescription.sdp, headers });
  if (answer.status !== 201) throw new Error(answer.status + ' ' + (await answer.text()));
  await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  window.published = connection;
  return new URL(answer.headers.get('location'), url).href;
}`;

export async function publishWhip(
  page: Page,
  options: { url: string; streamKey: string; codec: 'video/H264' | 'video/VP8'; width?: number; height?: number },
): Promise<WhipPage> {
  const all = { width: 640, height: 480, ...options };
  const location = await page.evaluate<string>(`(${publishScript})(${JSON.stringify(all)})`);
  return {
    location,
    state: () => page.evaluate<string>('window.published.connectionState'),
    stop: () => page.evaluate<number>(`fetch('${location}', { method: 'DELETE' }).then(({ status }) => status)`),
  };
}
