import { openTestPicture } from './test-picture.js';

/** Where pictures and sound come from. */
export type Source = 'camera' | 'screen' | 'test';

export interface Quality {
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Of the picture, bits per second. */
  readonly bitrate: number;
}

export const qualities: readonly Quality[] = [
  { label: '1080p, 4.5 Mb/s', width: 1920, height: 1080, bitrate: 4_500_000 },
  { label: '720p, 2.5 Mb/s', width: 1280, height: 720, bitrate: 2_500_000 },
  { label: '540p, 1.5 Mb/s', width: 960, height: 540, bitrate: 1_500_000 },
  { label: '360p, 0.8 Mb/s', width: 640, height: 360, bitrate: 800_000 },
];

/** Which camera and microphone; '' is the browser's choice. */
export interface Devices {
  readonly camera: string;
  readonly microphone: string;
}

/** Why the source cannot be had on this page, or null. */
export function unavailable(source: Source): string | null {
  if (source === 'test') return null;
  if (!window.isSecureContext) {
    return 'Browsers give cameras, microphones and screens only to pages that came over https or from localhost.';
  }
  // Phones share no screen, and some views inside other programs have no camera, whatever the types say.
  const offered: Partial<MediaDevices> = navigator.mediaDevices ?? {};
  if (source === 'camera') return offered.getUserMedia ? null : 'This browser offers no camera.';
  return offered.getDisplayMedia ? null : 'This browser cannot share a screen.';
}

/** Opens a source; throws `Error` with words for the person who asked. */
export async function openSource(source: Source, quality: Quality, devices: Devices): Promise<MediaStream> {
  try {
    if (source === 'test') return openTestPicture(quality);
    return source === 'camera' ? await openCamera(quality, devices) : await openScreen(quality, devices);
  } catch (error) {
    throw new Error(wordsOf(error, source));
  }
}

const deviceId = (id: string) => (id === '' ? {} : { deviceId: { exact: id } });

async function openCamera({ width, height }: Quality, { camera, microphone }: Devices): Promise<MediaStream> {
  const video = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 }, ...deviceId(camera) };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: deviceId(microphone) });
  hint(stream, 'motion');
  return stream;
}

/** The screen's own sound where the browser offers it, else the microphone, else none. */
async function openScreen({ width, height }: Quality, { microphone }: Devices): Promise<MediaStream> {
  const video = { width: { max: width }, height: { max: height }, frameRate: { ideal: 30 } };
  const stream = await navigator.mediaDevices.getDisplayMedia({ video, audio: true });
  if (stream.getAudioTracks().length === 0) {
    const voice = await navigator.mediaDevices.getUserMedia({ audio: deviceId(microphone) }).catch(() => null);
    for (const track of voice?.getAudioTracks() ?? []) stream.addTrack(track);
  }
  hint(stream, 'detail');
  return stream;
}

function hint(stream: MediaStream, what: 'motion' | 'detail'): void {
  for (const track of stream.getVideoTracks()) track.contentHint = what;
}

export function closeSource(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function wordsOf(error: unknown, source: Source): string {
  const what = source === 'screen' ? 'the screen' : 'the camera and the microphone';
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'NotAllowedError') {
    return `You or the browser refused ${what}. Allow it at the left of the address bar, and try again.`;
  }
  if (error.name === 'NotFoundError' || error.name === 'OverconstrainedError') {
    return 'No camera or microphone was found. The test picture needs none.';
  }
  if (error.name === 'NotReadableError') return 'Another program holds the camera or the microphone.';
  return error.message;
}

/** Cameras and microphones by name; names are there once one has been opened. */
export async function listDevices(): Promise<{ cameras: MediaDeviceInfo[]; microphones: MediaDeviceInfo[] }> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => null)) ?? [];
  const named = all.filter(({ deviceId: id, label }) => id !== '' && label !== '');
  return {
    cameras: named.filter(({ kind }) => kind === 'videoinput'),
    microphones: named.filter(({ kind }) => kind === 'audioinput'),
  };
}
