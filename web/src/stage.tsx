import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Controls } from './controls.js';
import { useKeys } from './keys.js';
import { Player, type Shown } from './player.js';
import type { Programme } from './programme.js';

/** Controls go away so long after the pointer last moved, ms. */
const REST_MS = 2500;

interface StageProps {
  readonly programme: Programme;
  readonly poster: string | null;
  /** Where a heartbeat looks. */
  readonly element: { current: HTMLVideoElement | null };
  onOver(broadcastId: string | null): void;
  /** Shown over the picture. */
  readonly children?: ComponentChildren;
}

/** The picture and what lies over it. */
export function Stage({ programme, poster, element, onOver, children }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [player, setPlayer] = useState<Player | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const fullscreen = useFullscreen(stage, element);
  const rest = useRest();

  useEffect(() => {
    if (!element.current || !canvas.current) return;
    const opened = new Player(element.current, canvas.current, programme, setShown);
    setPlayer(opened);
    return () => opened.close();
  }, [programme]);
  const over = shown?.over ?? false;
  useEffect(() => {
    if (over) onOver(shown?.broadcastId ?? null);
  }, [over]);
  useKeys(useCallback(() => (player === null ? {} : keysOf(player, fullscreen.toggle, rest.wake)), [player]));

  const idle = rest.resting && shown !== null && !shown.paused;
  return (
    <div
      ref={stage}
      class={idle ? 'stage idle' : 'stage'}
      onPointerMove={rest.wake}
      onPointerDown={rest.wake}
      onFocusCapture={rest.wake}
      onPointerLeave={(event) => event.pointerType === 'mouse' && rest.sleep()}
    >
      {/* biome-ignore lint/a11y/useMediaCaption: captions come with the stream where it has them */}
      <video
        ref={element}
        playsInline
        poster={poster ?? undefined}
        onClick={() => matchMedia('(hover: hover)').matches && player?.togglePlay()}
        onDblClick={fullscreen.toggle}
      />
      <canvas ref={canvas} hidden />
      {shown?.waiting && !shown.trouble && !over ? <div class="waiting" role="status" aria-label="Loading" /> : null}
      {shown && player ? (
        <Controls shown={shown} player={player} fullscreen={fullscreen.on} onFullscreen={fullscreen.toggle} />
      ) : null}
      {shown?.trouble && !over ? (
        <p class="curtain" role="status">
          {shown.trouble}
        </p>
      ) : null}
      {children}
    </div>
  );
}

function keysOf(player: Player, toggleFullscreen: () => void, wake: () => void) {
  const seen = (action: () => void) => () => {
    wake();
    action();
  };
  return {
    ' ': seen(() => player.togglePlay()),
    k: seen(() => player.togglePlay()),
    arrowleft: seen(() => player.seekBy(-10)),
    arrowright: seen(() => player.seekBy(10)),
    l: seen(() => player.toLiveEdge()),
    f: toggleFullscreen,
    m: seen(() => player.toggleMuted()),
    c: seen(() => player.toggleCaptions()),
  };
}

/** Whether the pointer has rested for a while. */
function useRest() {
  const [resting, setResting] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const wake = useCallback(() => {
    setResting(false);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setResting(true), REST_MS);
  }, []);
  const sleep = useCallback(() => setResting(true), []);
  useEffect(() => {
    wake();
    return () => clearTimeout(timer.current);
  }, [wake]);
  return { resting, wake, sleep };
}

/** iPhones show nothing but a video in full screen, and with controls of their own. */
interface PhoneVideo {
  webkitEnterFullscreen?(): void;
}

function useFullscreen(stage: { current: HTMLElement | null }, video: { current: HTMLVideoElement | null }) {
  const [on, setOn] = useState(false);
  useEffect(() => {
    const changed = () => setOn(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, []);
  const toggle = useCallback(() => {
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    else if (stage.current?.requestFullscreen) stage.current.requestFullscreen().catch(() => {});
    else (video.current as PhoneVideo | null)?.webkitEnterFullscreen?.();
  }, [stage, video]);
  return { on, toggle };
}
