import { boxClock } from './box-clock.js';
import { Captions } from './captions.js';
import { hlsIsSupported, openHlsSource } from './hls-source.js';
import { bufferAhead, holdLatency, setRate } from './latency-hold.js';
import { openNativeSource } from './native-source.js';
import { type Mode, mediaUrl, type Programme, thumbnailsUrl } from './programme.js';
import type { Quality, Source, SourceOptions, Stretch } from './source.js';
import { StandWatch } from './stand-watch.js';
import { StillCover } from './still-cover.js';
import { type ThumbnailList, Thumbnails } from './thumbnails.js';

/** All that the controls show. Places are on the axis of `Stretch`. */
export interface Shown {
  readonly live: boolean;
  readonly paused: boolean;
  readonly waiting: boolean;
  readonly muted: boolean;
  readonly volume: number;
  readonly range: Stretch;
  readonly position: number;
  readonly bufferedTo: number;
  /** Seconds between the broadcaster and what is seen; null where that is not known. */
  readonly latency: number | null;
  readonly atEdge: boolean;
  readonly qualities: readonly Quality[];
  readonly quality: number;
  readonly height: number | null;
  readonly captions: { readonly labels: readonly string[]; readonly on: boolean; readonly chosen: number };
  readonly thumbnails: ThumbnailList | null;
  readonly trouble: string | null;
  /** The broadcast is over, and all of it was played. */
  readonly over: boolean;
  readonly broadcastId: string | null;
}

const REOPEN_MS = 2000;
const TICK_MS = 250;
/** Seconds behind the target that still count as live. */
const SLACK = 2.5;
/** Who stands for so long, ms, so near to the end of a broadcast, seconds, has seen it: its sound and its picture may end apart. */
const STAND_MS = 2000;
const END_SLACK = 1.5;
/** What lies this near to the front of the live window is about to leave it. */
const WINDOW_MARGIN = 4;
/** A broadcast's target before its playlist has told. */
const TARGET = 4;
const EVENTS = ['play', 'pause', 'playing', 'waiting', 'seeking', 'seeked', 'volumechange', 'ended', 'durationchange'];

/**
 * Plays a programme in a video element: by hls.js, else by the browser itself. A channel begins at the live edge, with low
 * latency; who goes back further than its live window gets another source, with the last picture on the screen meanwhile.
 *
 * Lifetime: from construction to `close`.
 */
export class Player {
  readonly #video: HTMLVideoElement;
  readonly #programme: Programme;
  readonly #onShown: (shown: Shown) => void;
  readonly #clock = boxClock();
  readonly #cover: StillCover;
  readonly #captions: Captions;
  readonly #thumbnails = new Thumbnails();
  readonly #stand = new StandWatch();
  readonly #ticking: ReturnType<typeof setInterval>;
  #source: Source;
  #mode: Mode;
  /** The viewer wants to be at the live edge. */
  #following = true;
  #wantsPlay = true;
  #target = TARGET;
  #qualities: readonly Quality[] = [];
  #quality = -1;
  #height: number | null = null;
  #trouble: string | null = null;
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #lastPosition: number | null = null;

  constructor(
    video: HTMLVideoElement,
    canvas: HTMLCanvasElement,
    programme: Programme,
    onShown: (shown: Shown) => void,
  ) {
    this.#video = video;
    this.#programme = programme;
    this.#onShown = onShown;
    this.#cover = new StillCover(video, canvas);
    this.#captions = new Captions(video);
    this.#mode = programme.kind === 'video' ? 'video' : 'live';
    // First what an event changes here, then what is shown of it.
    video.addEventListener('playing', this.#playing);
    video.addEventListener('pause', this.#paused);
    for (const event of EVENTS) video.addEventListener(event, this.#show);
    this.#source = this.#openSource(null);
    this.#play();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  close(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#reopening);
    for (const event of EVENTS) this.#video.removeEventListener(event, this.#show);
    this.#video.removeEventListener('playing', this.#playing);
    this.#video.removeEventListener('pause', this.#paused);
    this.#source.close();
  }

  togglePlay(): void {
    if (this.#video.paused) this.#resume();
    else this.#video.pause();
  }

  seekTo(place: number): void {
    const range = this.#range();
    const wanted = Math.min(range.end, Math.max(range.start, place));
    if (this.#programme.kind === 'video') this.#jump(wanted);
    else if (wanted >= range.end - 1) this.toLiveEdge();
    else this.#goBackTo(wanted);
  }

  seekBy(seconds: number): void {
    this.seekTo((this.#position() ?? 0) + seconds);
  }

  toLiveEdge(): void {
    if (this.#programme.kind === 'video') return;
    this.#following = true;
    this.#wantsPlay = true;
    const position = this.#source.livePosition();
    if (this.#mode !== 'live' || position === null) this.#open('live', null);
    else this.#video.currentTime = position;
    this.#play();
  }

  /** From the beginning of the broadcast, or of the video. */
  startOver(): void {
    this.#wantsPlay = true;
    if (this.#programme.kind === 'video') this.#jump(0);
    else {
      this.#following = false;
      this.#open('start-over', 0);
    }
    this.#play();
  }

  chooseQuality(level: number): void {
    this.#quality = level;
    this.#source.choose(level);
    this.#show();
  }

  /** Null: none. */
  chooseCaptions(index: number | null): void {
    this.#captions.choose(index);
    this.#show();
  }

  toggleCaptions(): void {
    this.chooseCaptions(this.#captions.on ? null : this.#captions.chosen);
  }

  toggleMuted(): void {
    this.#video.muted = !this.#video.muted;
  }

  setVolume(volume: number): void {
    this.#video.volume = volume;
    this.#video.muted = volume === 0;
  }

  #resume(): void {
    this.#wantsPlay = true;
    const position = this.#position();
    // Where it was paused for so long that the live window has moved on.
    if (this.#mode === 'live' && position !== null && !this.#isWithinWindow(position)) this.#goBackTo(position);
    else this.#play();
  }

  #goBackTo(place: number): void {
    this.#following = false;
    setRate(this.#video, 1);
    if (this.#isWithinWindow(place)) this.#jump(place);
    else this.#open(this.#mode === 'start-over' ? 'start-over' : 'dvr', place);
  }

  /** Whether the source can go there by itself. */
  #isWithinWindow(place: number): boolean {
    const window = this.#source.window();
    if (window === null) return false;
    return place <= window.end && place >= window.start + (this.#mode === 'live' ? WINDOW_MARGIN : 0);
  }

  #open(mode: Mode, at: number | null): void {
    clearTimeout(this.#reopening);
    this.#cover.put();
    this.#mode = mode;
    const bandwidth = this.#source.bandwidth();
    this.#source.close();
    this.#source = this.#openSource(at, bandwidth);
    this.#lastPosition = at === 0 ? null : at;
    setRate(this.#video, 1);
    this.#cover.liftOnPicture();
    if (this.#wantsPlay) this.#play();
    this.#show();
  }

  #openSource(at: number | null, bandwidth: number | null = null): Source {
    const options: SourceOptions = {
      video: this.#video,
      url: mediaUrl(this.#programme, this.#mode),
      live: this.#programme.kind === 'channel',
      lowLatency: this.#mode === 'live',
      ...{ at, bandwidth },
      onQualities: (qualities) => {
        this.#qualities = qualities;
        if (this.#quality >= qualities.length - 1) this.#quality = -1;
        if (this.#quality !== -1) this.#source.choose(this.#quality);
        this.#show();
      },
      onHeight: (height) => {
        this.#height = height;
        this.#show();
      },
      onBroken: () => this.#broken(),
    };
    return hlsIsSupported() ? openHlsSource(options) : openNativeSource(options, this.#clock);
  }

  /** A broadcast that has not begun, or a box that restarts: wait for it. */
  #broken(): void {
    const canPlay = hlsIsSupported() || this.#video.canPlayType('application/vnd.apple.mpegurl') !== '';
    this.#trouble = canPlay ? 'Waiting for the stream…' : 'This browser cannot play HLS.';
    clearTimeout(this.#reopening);
    if (canPlay) this.#reopening = setTimeout(() => this.#reopen(), REOPEN_MS);
    this.#show();
  }

  #reopen(): void {
    this.#open(this.#mode, this.#mode === 'live' ? null : this.#lastPosition);
  }

  /** Browsers let a page begin with sound only after a click on it. */
  #play(): void {
    this.#video.play().catch((error: DOMException) => {
      if (error.name !== 'NotAllowedError') return;
      this.#video.muted = true;
      this.#video.play().catch(() => {});
    });
  }

  #jump(place: number): void {
    const time = this.#source.mediaTimeAt(place);
    if (time !== null) this.#video.currentTime = time;
    this.#show();
  }

  readonly #playing = () => {
    this.#trouble = null;
    this.#wantsPlay = true;
  };

  readonly #paused = () => {
    this.#wantsPlay = false;
    this.#following = false;
    setRate(this.#video, 1);
  };

  #tick(): void {
    if (this.#mode === 'live') this.#tickLive();
    this.#stand.look(this.#video, this.#missed(), TICK_MS);
    this.#lastPosition = this.#position() ?? this.#lastPosition;
    // Not before there is a picture: by then the box has something to list.
    if (this.#video.currentTime > 0) {
      const grows = this.#programme.kind === 'channel';
      this.#thumbnails.refresh(thumbnailsUrl(this.#programme, this.#mode), grows);
    }
    this.#show();
  }

  #tickLive(): void {
    this.#target = this.#source.hold()?.target ?? this.#target;
    if (!this.#following) return;
    if (this.#stand.isHopeless) {
      this.#stand.giveMoreTime();
      this.#reopen();
    } else holdLatency(this.#video, this.#source);
  }

  /** Seconds of the broadcast that are listed, and should have been played by now; of a video or a past, none. */
  #missed(): number {
    const end = this.#mode === 'live' ? this.#source.window()?.end : undefined;
    return end === undefined ? 0 : end - (this.#position() ?? end) - this.#target;
  }

  #position(): number | null {
    return this.#source.axisAt(this.#video.currentTime) ?? this.#lastPosition;
  }

  /** The end of a channel's is where a viewer at the live edge is. */
  #range(): Stretch {
    const window = this.#source.window();
    if (this.#programme.kind === 'video') return window ?? { start: 0, end: 0 };
    const now = Math.max(this.#clock() / 1000 - this.#target, this.#lastPosition ?? 0);
    const end = window !== null && this.#source.over() ? window.end : now;
    const past = this.#thumbnails.list?.cues[0]?.start ?? end;
    if (window === null) return { start: past, end };
    return { start: this.#mode === 'live' ? Math.min(window.start, past) : window.start, end };
  }

  readonly #show = () => {
    const { paused, muted, volume, readyState, seeking, ended } = this.#video;
    const live = this.#programme.kind === 'channel';
    const range = this.#range();
    const position = this.#position() ?? range.end;
    const known = this.#source.axisAt(this.#video.currentTime);
    const latency = live && known !== null && readyState > 0 ? this.#clock() / 1000 - known : null;
    this.#onShown({
      ...{ live, paused, muted, volume, range, position, latency },
      waiting: !paused && (seeking || readyState < HTMLMediaElement.HAVE_FUTURE_DATA),
      bufferedTo: position + bufferAhead(this.#video),
      atEdge: live && this.#mode === 'live' && !paused && latency !== null && this.#isNear(),
      ...{ qualities: this.#qualities, quality: this.#quality, height: this.#height },
      captions: {
        labels: this.#captions.tracks.map(({ label, language }, at) => label || language || `Captions ${at + 1}`),
        on: this.#captions.on,
        chosen: this.#captions.chosen,
      },
      thumbnails: this.#thumbnails.list,
      trouble: this.#trouble,
      over: live && this.#source.over() && (ended || this.#standsAtEnd(position)),
      broadcastId: this.#source.broadcastId(),
    });
  };

  #standsAtEnd(position: number): boolean {
    const end = this.#source.window()?.end ?? Number.POSITIVE_INFINITY;
    return this.#stand.ms >= STAND_MS && end - position < END_SLACK;
  }

  #isNear(): boolean {
    const held = this.#source.hold();
    return held === null ? this.#following : held.latency - held.target < SLACK;
  }
}
