import type { Source } from './source.js';

/** Seconds behind the target from which it is caught up with, by playing faster. */
const FALLEN_BEHIND = 0.15;
const TOO_NEAR = -0.25;
/** Seconds behind the target that would take too long to catch up with. */
const JUMP = 8;
/** Without so much in the buffer, playing faster would only stall. */
const BUFFER_MIN = 0.25;
const FASTER = 1.05;
/** For who has fallen behind by more seconds than that rate makes up for in a minute. */
const FAR_BEHIND = 2;
const FASTEST = 1.2;
const SLOWER = 0.97;

/** Keeps a video as far behind the live edge as its playlist says: a little faster or slower, or by a jump. */
export function holdLatency(video: HTMLVideoElement, source: Source): void {
  const held = source.hold();
  if (held === null || video.paused || video.seeking) return;
  const behind = held.latency - held.target;
  const position = source.livePosition();
  const jumps = behind > JUMP && position !== null;
  if (jumps) video.currentTime = position;
  setRate(video, jumps ? 1 : rateFor(behind, video));
}

export function setRate(video: HTMLVideoElement, rate: number): void {
  if (video.playbackRate !== rate) video.playbackRate = rate;
}

/** What was begun goes on until the target is reached, so that the rate does not flutter around a threshold. */
function rateFor(behind: number, video: HTMLVideoElement): number {
  const { playbackRate } = video;
  const faster = behind > FALLEN_BEHIND || (playbackRate > 1 && behind > 0.02);
  if (faster && bufferAhead(video) <= BUFFER_MIN) return 1;
  if (faster) return behind > FAR_BEHIND ? FASTEST : FASTER;
  const slower = behind < TOO_NEAR || (playbackRate < 1 && behind < -0.02);
  return slower ? SLOWER : 1;
}

export function bufferAhead({ buffered, currentTime }: HTMLVideoElement): number {
  for (let at = 0; at < buffered.length; at += 1) {
    if (buffered.start(at) <= currentTime + 0.1 && buffered.end(at) >= currentTime)
      return buffered.end(at) - currentTime;
  }
  return 0;
}
