import { formatDuration } from './frame.js';
import { CaptionsIcon, FullscreenIcon, PauseIcon, PlayIcon, SoundIcon, StartOverIcon } from './icons.js';
import type { Player, Shown } from './player.js';
import { Scrubber } from './scrubber.js';

export interface ControlsProps {
  readonly shown: Shown;
  readonly player: Player;
  readonly fullscreen: boolean;
  onFullscreen(): void;
}

/** What lies over the foot of the picture. */
export function Controls(props: ControlsProps) {
  const { shown, player, fullscreen, onFullscreen } = props;
  const { paused, muted, volume, live } = shown;
  return (
    <section class="player" aria-label="Player">
      <Scrubber shown={shown} onSeek={(place) => player.seekTo(place)} />
      <div class="row">
        <button type="button" id="play" aria-label={paused ? 'Play' : 'Pause'} onClick={() => player.togglePlay()}>
          {paused ? <PlayIcon /> : <PauseIcon />}
        </button>
        <button type="button" id="mute" aria-label={muted ? 'Unmute' : 'Mute'} onClick={() => player.toggleMuted()}>
          <SoundIcon muted={muted} />
        </button>
        <input
          type="range"
          class="volume"
          aria-label="Volume"
          min={0}
          max={1}
          step={0.05}
          value={muted ? 0 : volume}
          onInput={(event) => player.setVolume(Number(event.currentTarget.value))}
        />
        {live ? <LiveEdge shown={shown} player={player} /> : <Times shown={shown} />}
        <span class="gap" />
        {live ? (
          <button
            type="button"
            id="start-over"
            title="From the beginning"
            aria-label="Start over, from the beginning of the broadcast"
            onClick={() => player.startOver()}
          >
            <StartOverIcon />
          </button>
        ) : null}
        <CaptionsChoice shown={shown} player={player} />
        <QualityChoice shown={shown} player={player} />
        <button
          type="button"
          id="fullscreen"
          aria-label={fullscreen ? 'Leave full screen' : 'Full screen'}
          onClick={onFullscreen}
        >
          <FullscreenIcon on={fullscreen} />
        </button>
      </div>
    </section>
  );
}

function Times({ shown: { position, range } }: { shown: Shown }) {
  return (
    <span id="time" class="time">
      {formatDuration(position)} <span class="of">/ {formatDuration(range.end)}</span>
    </span>
  );
}

/** How far behind the broadcaster this viewer is, and the way back to the edge. */
function LiveEdge({ shown: { atEdge, latency }, player }: { shown: Shown; player: Player }) {
  return (
    <>
      <button
        type="button"
        id="to-live"
        class={atEdge ? 'to-live at-edge' : 'to-live'}
        aria-label={atEdge ? 'Live' : 'Go to live'}
        aria-pressed={atEdge}
        onClick={() => player.toLiveEdge()}
      >
        <span class="dot" /> LIVE
      </button>
      <span id="latency" class="time">
        {latency === null ? (
          ''
        ) : (
          <>
            {latencyWords(latency)}
            <span class="of"> behind live</span>
          </>
        )}
      </span>
    </>
  );
}

function latencyWords(seconds: number): string {
  return seconds < 60 ? `${Math.max(0, seconds).toFixed(1)} s` : formatDuration(seconds);
}

function CaptionsChoice({ shown: { captions }, player }: { shown: Shown; player: Player }) {
  const { labels, on, chosen } = captions;
  if (labels.length === 0) return null;
  return (
    <>
      <button
        type="button"
        id="captions"
        class={on ? 'on' : ''}
        aria-label="Captions"
        aria-pressed={on}
        onClick={() => player.toggleCaptions()}
      >
        <CaptionsIcon />
      </button>
      {on && labels.length > 1 ? (
        <select
          aria-label="Captions"
          value={chosen}
          onChange={(event) => player.chooseCaptions(Number(event.currentTarget.value))}
        >
          {labels.map((label, index) => (
            <option key={label} value={index}>
              {label}
            </option>
          ))}
        </select>
      ) : null}
    </>
  );
}

function QualityChoice({ shown: { qualities, quality, height }, player }: { shown: Shown; player: Player }) {
  // Automatic, and one quality: nothing to choose from.
  if (qualities.length < 3) return null;
  return (
    <select
      id="quality"
      aria-label="Quality"
      value={quality}
      onChange={(event) => player.chooseQuality(Number(event.currentTarget.value))}
    >
      {qualities.map(({ level, label }) => (
        <option key={level} value={level}>
          {level === -1 && height ? `${label} (${height}p)` : label}
        </option>
      ))}
    </select>
  );
}
