import { render } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { type Channel, call, type Person, pathOf, type Video, whoAmI } from './api.js';
import { formatDuration, PageFrame } from './frame.js';
import { Studio } from './studio.js';

/** The home page: what is live, what is new; and for who may push, their channels. */
const refreshMs = 5000;

function Home() {
  const [person, setPerson] = useState<Person | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [channels, setChannels] = useState<readonly Channel[] | null>(null);
  const [videos, setVideos] = useState<readonly Video[]>([]);

  const refresh = useCallback(async () => {
    try {
      const [live, recent] = await Promise.all([
        call<{ channels: Channel[] }>('GET', '/v1/channels?limit=100'),
        call<{ videos: Video[] }>('GET', '/v1/videos?limit=24&status=ready'),
      ]);
      setChannels(live.channels);
      setVideos(recent.videos);
    } catch (error) {
      setTrouble(String(error instanceof Error ? error.message : error));
    }
  }, []);

  useEffect(() => {
    whoAmI()
      .then(setPerson, (error: Error) => setTrouble(error.message))
      .then(refresh);
    const timer = setInterval(refresh, refreshMs);
    return () => clearInterval(timer);
  }, [refresh]);

  const live = channels?.filter((channel) => channel.live) ?? [];
  return (
    <PageFrame who={person ? `signed in as ${person.name}` : undefined}>
      {trouble ? <p class="error">{trouble}</p> : null}
      <h2>Live now</h2>
      {live.length > 0 ? (
        <ul class="cards" id="live">
          {live.map((channel) => (
            <li key={channel.name}>
              <LiveCard name={channel.name} />
            </li>
          ))}
        </ul>
      ) : (
        <p class="soft">{channels === null ? 'Looking…' : 'Nobody is live at the moment.'}</p>
      )}
      <h2>New</h2>
      {videos.length > 0 ? (
        <ul class="cards" id="new">
          {videos.map((video) => (
            <li key={video.id}>
              <VideoCard video={video} />
            </li>
          ))}
        </ul>
      ) : (
        <p class="soft">No videos yet.</p>
      )}
      {person && person.role !== 'viewer' && channels ? <Studio channels={channels} onChange={refresh} /> : null}
    </PageFrame>
  );
}

function LiveCard({ name }: { name: string }) {
  return (
    <a class="card" href={`/watch/${name}`}>
      <div class="still">
        {name.slice(0, 2)}
        <span class="badge live">LIVE</span>
      </div>
      <div class="caption">{name}</div>
    </a>
  );
}

function VideoCard({ video }: { video: Video }) {
  return (
    <a class="card" href={`/watch/${video.id}`}>
      <div class="still">
        {video.thumbnail_url ? (
          <img src={pathOf(video.thumbnail_url)} alt="" loading="lazy" />
        ) : (
          video.title.slice(0, 2)
        )}
        {video.duration ? <span class="badge end">{formatDuration(video.duration)}</span> : null}
      </div>
      <div class="caption">
        {video.title}
        <small>{video.view_count === 1 ? '1 view' : `${video.view_count} views`}</small>
      </div>
    </a>
  );
}

const page = document.getElementById('page');
if (page) render(<Home />, page);
