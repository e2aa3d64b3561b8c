import { useState } from 'preact/hooks';
import { type Channel, call } from './api.js';

/** For who may push: their channels' addresses and keys, and a form for a new one. */
export function Studio({ channels, onChange }: { channels: readonly Channel[]; onChange: () => Promise<void> }) {
  const mine = channels.filter((channel) => channel.streamKey !== undefined);
  return (
    <section>
      <h2>Your channels</h2>
      {mine.length > 0 ? (
        <p>
          <a href="/go-live" id="go-live">
            Go live from this browser
          </a>{' '}
          <span class="soft">with a camera, the screen or a test picture; or push with OBS, as each channel says.</span>
        </p>
      ) : null}
      {mine.map((channel) => (
        <details class="panel" key={channel.name}>
          <summary>
            {channel.live ? <span class="dot" /> : null}
            {channel.name}
          </summary>
          <p>
            In OBS, Settings → Stream, service “Custom”:
            <br />
            Server <code>{channel.rtmpUrl?.slice(0, -(channel.streamKey?.length ?? 0) - 1)}</code>
            <br />
            Stream key <code>{channel.streamKey}</code>
          </p>
          <a href={`/go-live?channel=${channel.name}`}>go live from this browser</a> ·{' '}
          <a href={`/watch/${channel.name}`}>watch page</a>
        </details>
      ))}
      <NewChannel onChange={onChange} />
    </section>
  );
}

function NewChannel({ onChange }: { onChange: () => Promise<void> }) {
  const [name, setName] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    try {
      await call('POST', '/v1/channels', { name });
      setName('');
      setRefusal(null);
      await onChange();
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="panel">
      <form onSubmit={create}>
        <input
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
          placeholder="new channel, e.g. town-hall"
          aria-label="name of the new channel"
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          title="a-z, 0-9 and hyphens, at most 63"
          required
        />
        <button type="submit">Create channel</button>
      </form>
      {refusal ? <p class="error">{refusal}</p> : null}
    </div>
  );
}
