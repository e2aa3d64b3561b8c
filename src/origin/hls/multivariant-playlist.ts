import type { CaptionChannels } from '../../media/source-facts.js';
import { carriesCaptions } from '../caption-carriage.js';

/** Bits per second, peak and average (RFC 8216 §4.3.4.2). */
interface StreamRate {
  readonly bandwidth: number;
  readonly averageBandwidth: number;
}

export interface VideoStream extends StreamRate {
  readonly uri: string;
  /** RFC 6381. */
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** The I-frame playlist, where there is one. */
  readonly iframesUri: string | null;
}

export interface AudioStream extends StreamRate {
  readonly uri: string;
  readonly codecs: string;
  readonly channels: number;
}

export interface MultivariantPlaylist {
  readonly video: readonly VideoStream[];
  readonly audio: AudioStream | null;
  /** Captions in the pictures; null: it is not known that there are any, `none`: that there never will be. */
  readonly captions?: CaptionChannels | 'none' | null;
  /** The protocol's. Default 7. */
  readonly version?: number;
}

/** Writes a multivariant playlist (RFC 8216bis §4.4.6): sound in a group of its own, or alone where there is no picture. */
export function writeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const { video, audio, captions = null, version = 7 } = playlist;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${version}`, '#EXT-X-INDEPENDENT-SEGMENTS'];
  if (audio !== null && video.length > 0) lines.push(audioGroup(audio));
  if (captions !== null && captions !== 'none' && video.length > 0) lines.push(...captionGroup(captions));
  const order = [...video].sort((a, b) => a.bandwidth - b.bandwidth);
  for (const stream of order) lines.push(...variant(stream, audio, captions));
  if (audio !== null && video.length === 0) lines.push(...soundAlone(audio));
  for (const stream of video) lines.push(...iframes(stream));
  return `${lines.join('\n')}\n`;
}

function audioGroup({ uri, channels }: AudioStream): string {
  const names = 'TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES';
  return `#EXT-X-MEDIA:${names},CHANNELS="${channels}",URI="${uri}"`;
}

/** Only the first is chosen without the viewer's doing: of several without a language a player can't tell which (§4.4.6.1). */
function captionGroup({ cea608, cea708 }: CaptionChannels): string[] {
  const ids = [...cea608.map((channel) => `CC${channel}`), ...cea708.map((service) => `SERVICE${service}`)];
  return ids.map((id, index) => {
    const chosen = `DEFAULT=NO,AUTOSELECT=${index === 0 ? 'YES' : 'NO'}`;
    return `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="${id}",${chosen},INSTREAM-ID="${id}"`;
  });
}

/** None for one is none for all (§4.4.6.2). Pictures that are no H.264 or HEVC carry no captions. */
function captionsAttribute(stream: VideoStream, captions: CaptionChannels | 'none' | null): string[] {
  if (captions === null) return [];
  if (captions === 'none') return ['CLOSED-CAPTIONS=NONE'];
  return carriesCaptions(stream.codecs) ? ['CLOSED-CAPTIONS="cc"'] : [];
}

function variant(stream: VideoStream, audio: AudioStream | null, captions: CaptionChannels | 'none' | null): string[] {
  const codecs = audio === null ? stream.codecs : `${stream.codecs},${audio.codecs}`;
  const attributes = [
    ...rates(stream, audio),
    `CODECS="${codecs}"`,
    `RESOLUTION=${stream.width}x${stream.height}`,
    `FRAME-RATE=${stream.frameRate.toFixed(3)}`,
    ...(audio === null ? [] : ['AUDIO="audio"']),
    ...captionsAttribute(stream, captions),
  ];
  return [`#EXT-X-STREAM-INF:${attributes.join(',')}`, stream.uri];
}

function soundAlone(audio: AudioStream): string[] {
  return [`#EXT-X-STREAM-INF:${[...rates(audio, null), `CODECS="${audio.codecs}"`].join(',')}`, audio.uri];
}

function iframes(stream: VideoStream): string[] {
  if (stream.iframesUri === null) return [];
  const attributes = [
    // What a picture playlist draws is bounded by what its rendition draws.
    `BANDWIDTH=${Math.ceil(stream.averageBandwidth)}`,
    `CODECS="${stream.codecs}"`,
    `RESOLUTION=${stream.width}x${stream.height}`,
    `URI="${stream.iframesUri}"`,
  ];
  return [`#EXT-X-I-FRAME-STREAM-INF:${attributes.join(',')}`];
}

function rates(stream: StreamRate, with_: StreamRate | null): string[] {
  const bandwidth = Math.ceil(stream.bandwidth + (with_?.bandwidth ?? 0));
  const average = Math.ceil(stream.averageBandwidth + (with_?.averageBandwidth ?? 0));
  return [`BANDWIDTH=${bandwidth}`, `AVERAGE-BANDWIDTH=${Math.min(average, bandwidth)}`];
}
