import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Channel, call, type Person, whoAmI } from './api.js';
import { type Broadcast, useBroadcast } from './broadcast.js';
import { type Devices, listDevices, qualities, type Source, unavailable } from './capture.js';
import { PageFrame } from './frame.js';
import { LiveFacts, WatchLink } from './live-facts.js';

/** Broadcasting from the browser: choose a channel and a source, look at the preview, go live. */
function GoLive() {
  const [person, setPerson] = useState<Person | null | undefined>(undefined);
  const [channels, setChannels] = useState<readonly Channel[] | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    whoAmI()
      .then(async (who) => {
        setPerson(who);
        if (who) setChannels((await call<{ channels: Channel[] }>('GET', '/v1/channels?limit=100')).channels);
      })
      .catch((error: Error) => setTrouble(error.message));
  }, []);
  const mine = channels?.filter((channel) => channel.streamKey !== undefined) ?? [];
  return (
    <PageFrame who={person ? `signed in as ${person.name}` : undefined}>
      <h1>Go live</h1>
      {trouble ? (
        <p class="error" role="alert">
          {trouble}
        </p>
      ) : null}
      {person === null ? (
        <p id="signed-out">
          To broadcast, sign in first: open the sign-in link that you were given. The operator makes new ones with{' '}
          <code>headwater user create NAME</code>.
        </p>
      ) : null}
      {person && channels && mine.length === 0 ? (
        <p>
          You have no channel yet. <a href="/">Create one on the home page.</a>
        </p>
      ) : null}
      {mine.length > 0 ? <Desk channels={mine} /> : null}
    </PageFrame>
  );
}

/** What was chosen; none of it can change while it is on air. */
interface Choice {
  readonly channel: string;
  readonly source: Source;
  readonly quality: number;
  readonly devices: Devices;
  readonly backup: boolean;
}

function firstChoice(channels: readonly Channel[]): Choice {
  const asked = new URLSearchParams(location.search).get('channel');
  const channel = channels.find(({ name }) => name === asked) ?? channels[0];
  return {
    channel: channel?.name ?? '',
    source: unavailable('camera') === null ? 'camera' : 'test',
    quality: 1,
    devices: { camera: '', microphone: '' },
    backup: false,
  };
}

function Desk({ channels }: { channels: readonly Channel[] }) {
  const [choice, setChoice] = useState(() => firstChoice(channels));
  const broadcast = useBroadcast();
  const channel = channels.find(({ name }) => name === choice.channel);
  const { state, stream } = broadcast;
  const onAir = state.kind !== 'idle';
  const quality = qualities[choice.quality] ?? qualities[0];
  if (!channel || !quality) return null;
  const chosen = { source: choice.source, quality, devices: choice.devices };
  const start = () => broadcast.start({ ...chosen, streamKey: channel.streamKey ?? '', backup: choice.backup });
  return (
    <>
      <Insecure />
      <Preview stream={stream} />
      <Standing broadcast={broadcast} />
      <div class="controls">
        {onAir ? (
          <button type="button" id="stop" onClick={broadcast.stop}>
            Stop
          </button>
        ) : (
          <>
            <button type="button" id="start" class="primary" onClick={start}>
              Go live
            </button>
            <button type="button" id="preview" onClick={() => broadcast.preview(chosen)}>
              {stream ? 'Preview again' : 'Preview'}
            </button>
          </>
        )}
        {onAir ? <WatchLink channel={channel.name} /> : null}
      </div>
      {onAir ? <LiveFacts stats={broadcast.stats} /> : null}
      <Choices channels={channels} choice={choice} locked={onAir} stream={stream} onChange={setChoice} />
    </>
  );
}

/** Why there is no camera here, and what to do about it. */
function Insecure() {
  const words = unavailable('camera');
  if (words === null) return null;
  return (
    <div class="panel" id="no-camera">
      <p>{words}</p>
      {window.isSecureContext ? null : (
        <p>
          Open this page over https (whoever runs the box starts it with{' '}
          <code>--https ADDR:PORT --tls-cert FILE --tls-key FILE</code>), or on the machine itself at{' '}
          <code>http://localhost:{location.port || '80'}/go-live</code>. The test picture works here, too.
        </p>
      )}
    </div>
  );
}

function Preview({ stream }: { stream: MediaStream | null }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current) element.current.srcObject = stream;
  }, [stream]);
  return (
    <div class="stage">
      <video ref={element} id="preview-picture" muted autoPlay playsInline aria-label="what you send" />
      {stream ? null : <p class="curtain">The preview comes here.</p>}
    </div>
  );
}

/** One line that says how the broadcast is doing; read out when it changes. */
function Standing({ broadcast: { state } }: { broadcast: Broadcast }) {
  const words = {
    idle: () => ('words' in state && state.words ? state.words : ''),
    opening: () => 'Opening the source…',
    connecting: () => 'Connecting…',
    live: () => 'You are live.',
    waiting: () => ('words' in state ? `${state.words} Trying again…` : ''),
  }[state.kind]();
  const bad = state.kind === 'waiting' || (state.kind === 'idle' && words !== '');
  return (
    <p id="standing" role="status" class={bad ? 'error' : 'soft'} data-state={state.kind}>
      {state.kind === 'live' ? <span class="dot" /> : null}
      {words}
    </p>
  );
}

const sources: readonly { source: Source; label: string }[] = [
  { source: 'camera', label: 'Camera and microphone' },
  { source: 'screen', label: 'Screen' },
  { source: 'test', label: 'Test picture' },
];

function Choices(props: {
  channels: readonly Channel[];
  choice: Choice;
  locked: boolean;
  stream: MediaStream | null;
  onChange: (choice: Choice) => void;
}) {
  const { channels, choice, locked, stream, onChange } = props;
  const change = (part: Partial<Choice>) => onChange({ ...choice, ...part });
  return (
    <form class="choices" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={locked}>
        <legend>Source</legend>
        {sources.map(({ source, label }) => (
          <label key={source}>
            <input
              type="radio"
              name="source"
              value={source}
              checked={choice.source === source}
              disabled={unavailable(source) !== null}
              onChange={() => change({ source })}
            />
            {label}
          </label>
        ))}
        {choice.source === 'test' ? null : (
          <DeviceChoice devices={choice.devices} stream={stream} onChange={(devices) => change({ devices })} />
        )}
      </fieldset>
      <fieldset disabled={locked}>
        <legend>Broadcast</legend>
        <label>
          Channel
          <select
            id="channel"
            value={choice.channel}
            onChange={(event) => change({ channel: event.currentTarget.value })}
          >
            {channels.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Quality
          <select
            id="quality"
            value={choice.quality}
            onChange={(event) => change({ quality: Number(event.currentTarget.value) })}
          >
            {qualities.map(({ label }, i) => (
              <option key={label} value={i}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label title="The channel's second publisher: it is on air while the first one is not.">
          <input
            type="checkbox"
            id="backup"
            checked={choice.backup}
            onChange={(event) => change({ backup: event.currentTarget.checked })}
          />
          As the backup
        </label>
      </fieldset>
    </form>
  );
}

/** Which camera and microphone, once the browser tells their names. */
function DeviceChoice(props: { devices: Devices; stream: MediaStream | null; onChange: (devices: Devices) => void }) {
  const { devices, stream, onChange } = props;
  const [known, setKnown] = useState<Awaited<ReturnType<typeof listDevices>>>({ cameras: [], microphones: [] });
  // The browser tells the names once a source is open.
  useEffect(() => {
    listDevices().then(setKnown);
  }, [stream]);
  return (
    <>
      <Picker
        label="Camera"
        of={known.cameras}
        value={devices.camera}
        onPick={(camera) => onChange({ ...devices, camera })}
      />
      <Picker
        label="Microphone"
        of={known.microphones}
        value={devices.microphone}
        onPick={(microphone) => onChange({ ...devices, microphone })}
      />
    </>
  );
}

function Picker(props: { label: string; of: readonly MediaDeviceInfo[]; value: string; onPick: (id: string) => void }) {
  const { label, of, value, onPick } = props;
  if (of.length < 2) return null;
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        <option value="">As the browser chooses</option>
        {of.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

const page = document.getElementById('page');
if (page) render(<GoLive />, page);
