import { messageOf } from '../../telemetry/failure.js';

type Webrtc = typeof import('node-datachannel');

export type LoadedWebrtc =
  | { readonly loaded: true; readonly webrtc: Webrtc; readonly version: string }
  | { readonly loaded: false; readonly reason: string };

/** Loads the native WebRTC library, which has prebuilt binaries for the usual machines only. */
export async function loadWebrtc(): Promise<LoadedWebrtc> {
  try {
    const webrtc = await import('node-datachannel');
    return { loaded: true, webrtc, version: webrtc.getLibraryVersion() };
  } catch (error) {
    return { loaded: false, reason: messageOf(error).split('\n', 1)[0] ?? '' };
  }
}
