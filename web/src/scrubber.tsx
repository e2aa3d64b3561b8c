import { useRef, useState } from 'preact/hooks';
import { formatDuration } from './frame.js';
import type { Shown } from './player.js';
import { type Thumbnail, thumbnailAt } from './thumbnails.js';

interface ScrubberProps {
  readonly shown: Shown;
  onSeek(place: number): void;
}

/** The line of time: what was, where one is, and a picture of where the pointer is. Seeks once, when the pointer is let go. */
export function Scrubber({ shown, onSeek }: ScrubberProps) {
  const { range, live, position, bufferedTo } = shown;
  const line = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [dragged, setDragged] = useState(false);
  const length = Math.max(0.001, range.end - range.start);
  const share = (place: number) => `${(100 * Math.min(1, Math.max(0, (place - range.start) / length))).toFixed(3)}%`;
  const placeOf = (event: PointerEvent) => {
    const box = line.current?.getBoundingClientRect();
    if (!box || box.width === 0) return range.start;
    return range.start + length * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const at = dragged && pointed !== null ? pointed : position;
  return (
    <div
      id="scrubber"
      class="scrubber"
      role="slider"
      tabIndex={0}
      aria-label={live ? 'Place in the broadcast' : 'Place in the video'}
      aria-valuemin={0}
      aria-valuemax={Math.round(length)}
      aria-valuenow={Math.round(at - range.start)}
      aria-valuetext={wordsFor(shown, at)}
      onKeyDown={(event) => {
        const place = placeByKey(event.key, shown);
        if (place === null || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        onSeek(place);
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(true);
        setPointed(placeOf(event));
      }}
      onPointerMove={(event) => setPointed(placeOf(event))}
      onPointerUp={(event) => {
        if (dragged) onSeek(placeOf(event));
        setDragged(false);
        if (event.pointerType !== 'mouse') setPointed(null);
      }}
      onPointerCancel={() => setDragged(false)}
      onPointerLeave={() => {
        if (!dragged) setPointed(null);
      }}
    >
      <div class="line" ref={line}>
        <div class="loaded" style={{ width: share(bufferedTo) }} />
        <div class="played" style={{ width: share(at) }} />
        <div class="knob" style={{ left: share(at) }} />
        {pointed === null ? null : <Preview shown={shown} place={pointed} left={share(pointed)} />}
      </div>
    </div>
  );
}

function Preview({ shown, place, left }: { shown: Shown; place: number; left: string }) {
  const picture = shown.thumbnails && thumbnailAt(shown.thumbnails, place);
  return (
    <div class="preview" style={{ left: `clamp(5.2rem, ${left}, calc(100% - 5.2rem))` }}>
      {picture ? <Picture key={picture.url} picture={picture} /> : null}
      <span>{shortWords(shown, place)}</span>
    </div>
  );
}

/** Tall ones are shown smaller, px. */
const HEIGHT_MAX = 180;

function Picture({ picture: { url, place } }: { picture: Thumbnail }) {
  const [there, setThere] = useState(true);
  if (!there) return null;
  const [left, top, width, height] = place;
  return (
    <div class="tile" style={{ width, height, zoom: Math.min(1, HEIGHT_MAX / height) }}>
      <img src={url} alt="" draggable={false} style={{ left: -left, top: -top }} onError={() => setThere(false)} />
    </div>
  );
}

/** What a slider's keys do beside the page's own: from the present place to another. */
function placeByKey(key: string, { position, range }: Shown): number | null {
  const steps: Readonly<Record<string, number>> = { ArrowUp: 10, ArrowDown: -10, PageUp: 60, PageDown: -60 };
  if (key === 'Home') return range.start;
  if (key === 'End') return range.end;
  const step = steps[key];
  return step === undefined ? null : position + step;
}

/** Of a video the time; of a channel the time of day. */
function shortWords({ live }: Shown, place: number): string {
  return live ? new Date(place * 1000).toLocaleTimeString() : formatDuration(place);
}

function wordsFor({ live, range }: Shown, place: number): string {
  if (!live) return `${formatDuration(place)} of ${formatDuration(range.end)}`;
  const behind = range.end - place;
  return behind < 3 ? 'live' : `${formatDuration(behind)} behind live`;
}
