import { useEffect, useState } from 'preact/hooks';
import { type Channel, call } from './api.js';
import type { StatsReport } from './publishing-stats.js';

/** What goes out now, in figures. */
export function LiveFacts({ stats }: { stats: StatsReport | null }) {
  if (stats === null) return null;
  const { bitrate, width, height, fps, codec, rtt, loss, limitedBy } = stats;
  const facts: readonly [string, string, string | null][] = [
    ['bitrate', 'Bitrate', `${(bitrate / 1_000_000).toFixed(2)} Mb/s`],
    ['resolution', 'Picture', width && height ? `${width}×${height}${codec ? ` ${codec}` : ''}` : null],
    ['fps', 'Frames', fps === null ? null : `${Math.round(fps)} per second`],
    ['rtt', 'Round trip', rtt === null ? null : `${Math.round(rtt)} ms`],
    ['loss', 'Packets lost', loss === null ? null : `${(loss * 100).toFixed(1)}%`],
  ];
  const limits = { cpu: 'This computer is too slow for more.', bandwidth: 'The network is too slow for more.' };
  return (
    <>
      <dl class="facts" id="facts">
        {facts.map(([id, name, value]) => (
          <div key={id}>
            <dt>{name}</dt>
            <dd id={id}>{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
      {limitedBy === 'cpu' || limitedBy === 'bandwidth' ? <p class="soft">{limits[limitedBy]}</p> : null}
    </>
  );
}

const lookAgainMs = 1000;

/** A link to the watch page, which opens once the channel can be watched. */
export function WatchLink({ channel }: { channel: string }) {
  const [live, setLive] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    const look = async () => {
      const found = await call<Channel>('GET', `/v1/channels/${channel}`).catch(() => null);
      if (gone) return;
      setLive(found?.live === true);
      timer = setTimeout(look, lookAgainMs);
    };
    look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [channel]);
  if (!live) return <span class="soft">Viewers see it in a few seconds…</span>;
  return (
    <a id="watch" href={`/watch/${channel}`} target="_blank" rel="noreferrer">
      Watch {channel}
    </a>
  );
}
