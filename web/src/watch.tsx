import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Channel, call, pathOf, Refused, type Video } from './api.js';
import { PageFrame } from './frame.js';
import { useHeartbeat } from './heartbeat.js';
import type { Programme } from './programme.js';
import { Stage } from './stage.js';

/** The watch page of a channel or a video: `/watch/<channel or videoId>`. */
interface Subject {
  readonly title: string;
  readonly description: string;
  readonly programme: Programme;
  readonly videoId: string | null;
  readonly poster: string | null;
}

type Found = { readonly subject: Subject } | { readonly waiting: string };

const id = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const lookAgainMs = 1000;

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
  const url = pathOf(video.hlsUrl);
  const programme: Programme = { kind: 'video', url, thumbnails: beside(url, 'thumbnails.vtt') };
  return { subject: { title, description, programme, videoId: id, poster: still === null ? null : pathOf(still) } };
}

async function lookForChannel(): Promise<Found> {
  const channel = await call<Channel>('GET', `/v1/channels/${id}`);
  if (!channel.live) return { waiting: `${channel.name} is not live at the moment.` };
  const live = pathOf(channel.hlsUrl);
  const past = (shape: string) => ({
    url: beside(live, `${shape}/index.m3u8`),
    thumbnails: beside(live, `${shape}/thumbnails.vtt`),
  });
  const programme: Programme = { kind: 'channel', live, dvr: past('dvr'), startOver: past('start-over') };
  return { subject: { title: channel.name, description: '', programme, videoId: null, poster: null } };
}

const beside = (path: string, name: string) => path.slice(0, path.lastIndexOf('/') + 1) + name;

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
          <p class="curtain" role="status">
            {found.waiting}
          </p>
        </div>
      </PageFrame>
    );
  }
  return <Watching subject={found.subject} />;
}

function Watching({ subject }: { subject: Subject }) {
  const { title, description, poster, videoId } = subject;
  const element = useRef<HTMLVideoElement>(null);
  const [over, setOver] = useState<{ broadcastId: string | null } | null>(null);
  // A channel's next broadcast is another programme at the same address.
  const [turn, setTurn] = useState(0);
  const programme = useMemo(() => ({ ...subject.programme }), [subject, turn]);
  const live = programme.kind === 'channel';
  useHeartbeat(element, videoId);
  document.title = `${title} · Headwater`;
  return (
    <PageFrame>
      <Stage programme={programme} poster={poster} element={element} onOver={(broadcastId) => setOver({ broadcastId })}>
        {over && programme.kind === 'channel' ? (
          <Ended
            live={programme.live}
            broadcastId={over.broadcastId}
            onAgain={() => {
              setOver(null);
              setTurn(turn + 1);
            }}
          />
        ) : null}
      </Stage>
      <h1>
        {live && !over ? <span class="dot" role="img" aria-label="live" /> : null}
        {title}
      </h1>
      <p class="soft">{description}</p>
      <p class="soft keys">
        <kbd>Space</kbd> plays and pauses, <kbd>←</kbd> <kbd>→</kbd> go 10 s,{' '}
        {live ? (
          <>
            <kbd>L</kbd> goes to live,{' '}
          </>
        ) : null}
        <kbd>F</kbd> fills the screen, <kbd>M</kbd> mutes, <kbd>C</kbd> shows captions.
      </p>
    </PageFrame>
  );
}

/** The broadcast is over: a way to its recording once there is one, and back on when the channel is live again. */
function Ended({ live, broadcastId, onAgain }: { live: string; broadcastId: string | null; onAgain: () => void }) {
  const [video, setVideo] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    let recording: string | null = null;
    const again = async () => {
      recording ??= await recordingOf(broadcastId).catch(() => null);
      const next = await isNextOnAir(live, broadcastId).catch(() => false);
      if (gone) return;
      setVideo(recording);
      if (next) onAgain();
      timer = setTimeout(again, 2 * lookAgainMs);
    };
    again();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [live, broadcastId]);
  return (
    <div class="ended" role="status">
      <p>The broadcast is over.</p>
      {video === null ? null : (
        <a id="recording" class="button primary" href={`/watch/${video}`}>
          Watch the recording
        </a>
      )}
    </div>
  );
}

/**
 * Whether the channel's playlist is open, and of another broadcast than the one that is over. To ask whether it is live would not
 * do: between two broadcasts there may be less time than between two questions.
 */
async function isNextOnAir(live: string, broadcastId: string | null): Promise<boolean> {
  const variant = (await textAt(live)).split('\n').find((line) => line !== '' && !line.startsWith('#'));
  if (variant === undefined) return false;
  const text = await textAt(new URL(variant, new URL(live, location.href)).href);
  const newest = [...text.matchAll(/\/media\/(b_[a-z0-9]+)\//g)].at(-1)?.[1] ?? broadcastId;
  return newest !== broadcastId && !text.includes('#EXT-X-ENDLIST');
}

async function textAt(url: string): Promise<string> {
  const answer = await fetch(url);
  return answer.ok ? answer.text() : '';
}

async function recordingOf(broadcastId: string | null): Promise<string | null> {
  if (broadcastId === null) return null;
  const { videos } = await call<{ videos: Video[] }>('GET', '/v1/videos?limit=24&status=ready');
  return videos.find((video) => video.broadcast_id === broadcastId)?.id ?? null;
}

const page = document.getElementById('page');
if (page) render(<Watch />, page);
