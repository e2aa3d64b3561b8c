import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Channel, call, pathOf, Refused, type Video } from './api.js';
import { PageFrame } from './frame.js';
import { openPlayer, type Player, type Quality } from './player.js';

/** The watch page of a channel or a video: `/watch/<channel or videoId>`. */
interface Subject {
  readonly title: string;
  readonly description: string;
  readonly url: string;
  readonly live: boolean;
  readonly videoId: string | null;
  readonly poster: string | null;
}

type Found = { readonly subject: Subject } | { readonly waiting: string };

const id = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const lookAgainMs = 1000;
const heartbeatMs = 15_000;

async function look(): Promise<Found> {
  try {
    return id.startsWith('v_') ? await lookForVideo() : await lookForChannel();
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return { waiting: 'There is nothing at this address.' };
    return { waiting: error instanceof Error ? error.message : String(error) };
  }
}

async function lookForVideo(): Promise<Found> {
  const video = await call<Video>('GET', `/v1/videos/${id}`);
  if (video.status === 'failed') return { waiting: 'This video could not be made playable.' };
  if (video.status !== 'ready') return { waiting: `${video.title} is being made ready…` };
  const { title, description, thumbnail_url: still } = video;
  const poster = still === null ? null : pathOf(still);
  return { subject: { title, description, url: pathOf(video.hlsUrl), live: false, videoId: id, poster } };
}

async function lookForChannel(): Promise<Found> {
  const channel = await call<Channel>('GET', `/v1/channels/${id}`);
  if (!channel.live) return { waiting: `${channel.name} is not live at the moment.` };
  const url = pathOf(channel.hlsUrl);
  return { subject: { title: channel.name, description: '', url, live: true, videoId: null, poster: null } };
}

function Watch() {
  const [found, setFound] = useState<Found>({ waiting: 'Looking…' });
  const known = 'subject' in found;
  useEffect(() => {
    if (known) return;
    let timer: ReturnType<typeof setTimeout>;
    const again = async () => {
      setFound(await look());
      timer = setTimeout(again, lookAgainMs);
    };
    again();
    return () => clearTimeout(timer);
  }, [known]);

  if (!known) {
    return (
      <PageFrame>
        <div class="stage">
          <p class="curtain">{found.waiting}</p>
        </div>
      </PageFrame>
    );
  }
  document.title = `${found.subject.title} · Headwater`;
  return (
    <PageFrame>
      <Stage subject={found.subject} />
      <h1>
        {found.subject.live ? <span class="dot" role="img" aria-label="live" /> : null}
        {found.subject.title}
      </h1>
      <p class="soft">{found.subject.description}</p>
    </PageFrame>
  );
}

function Stage({ subject }: { subject: Subject }) {
  const element = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | null>(null);
  const [qualities, setQualities] = useState<readonly Quality[]>([]);
  const [height, setHeight] = useState<number | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);

  useEffect(() => {
    const video = element.current;
    if (!video) return;
    const events = { onQualities: setQualities, onPlaying: setHeight, onTrouble: setTrouble };
    player.current = openPlayer(video, subject.url, events);
    // Browsers let a page begin with sound only after a click on it.
    video.play().catch(() => {
      video.muted = true;
      video.play().catch(() => {});
    });
    return () => player.current?.close();
  }, [subject.url]);
  useHeartbeat(element, subject.videoId);

  return (
    <>
      <div class="stage">
        {/* biome-ignore lint/a11y/useMediaCaption: captions come with the stream where it has them */}
        <video ref={element} controls playsInline poster={subject.poster ?? undefined} />
        {trouble ? <p class="curtain">{trouble}</p> : null}
      </div>
      <div class="controls">
        {qualities.length > 1 ? (
          <label>
            Quality
            <select id="quality" onChange={(event) => player.current?.choose(Number(event.currentTarget.value))}>
              {qualities.map(({ level, label }) => (
                <option key={level} value={level}>
                  {level === -1 && height ? `${label} (${height}p)` : label}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        {subject.live ? <LiveEdge player={player} /> : null}
      </div>
    </>
  );
}

/** How far behind the broadcaster this viewer is, and the way back to the edge. */
function LiveEdge({ player }: { player: { current: Player | null } }) {
  const [latency, setLatency] = useState<number | null>(null);
  useEffect(() => {
    const timer = setInterval(() => setLatency(player.current?.latency() ?? null), 500);
    return () => clearInterval(timer);
  }, [player]);
  return (
    <>
      <button type="button" id="to-live" onClick={() => player.current?.toLiveEdge()}>
        <span class="dot" />
        Go to live
      </button>
      <output id="latency" class="soft">
        {latency === null ? '' : `${latency.toFixed(1)} s behind live`}
      </output>
    </>
  );
}

/** Tells the box, while a video plays, where the viewer is and how often playback stalled since the last time. */
function useHeartbeat(element: { current: HTMLVideoElement | null }, videoId: string | null): void {
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

const page = document.getElementById('page');
if (page) render(<Watch />, page);
