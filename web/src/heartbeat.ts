import { useEffect } from 'preact/hooks';
import { call } from './api.js';

const heartbeatMs = 15_000;

/** Tells the box, while a video plays, where the viewer is and how often playback stalled since the last time. */
export function useHeartbeat(element: { current: HTMLVideoElement | null }, videoId: string | null): void {
  useEffect(() => {
    const video = element.current;
    if (videoId === null || !video) return;
    let stalls = 0;
    let beaten = -1;
    const stalled = () => {
      if (video.readyState > 0 && !video.seeking) stalls += 1;
    };
    const beat = () => {
      if (video.paused || video.currentTime === beaten) return;
      beaten = video.currentTime;
      const body = { progress_sec: Math.floor(video.currentTime), buffer_events: stalls };
      stalls = 0;
      call('POST', `/v1/videos/${videoId}/heartbeat`, body).catch(() => {});
    };
    video.addEventListener('waiting', stalled);
    video.addEventListener('playing', beat, { once: true });
    const timer = setInterval(beat, heartbeatMs);
    return () => {
      video.removeEventListener('waiting', stalled);
      clearInterval(timer);
    };
  }, [element, videoId]);
}
