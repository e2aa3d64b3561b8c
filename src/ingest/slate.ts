import type { DecoderConfig, Frame } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import { measureFrameRate } from './frame-rate.js';
import { TsDemuxer } from './mpeg-ts/ts-demuxer.js';
import { opusSilence } from './opus-silence.js';
import { SourceTracks } from './source-tracks.js';

/** Makes what viewers see while nobody publishes. */
export interface SlateMaker {
  /**
   * About two seconds of MPEG-TS for the tracks that the source has: H.264 pictures of its size and rate in closed GOPs, AAC of
   * its rate and channels. Null where that can't be made. May be slow.
   */
  make(facts: SourceFacts): Promise<Buffer | null>;
}

/** One track of a slate, to be repeated: frames with times in ms from the loop's start, and the loop's length. */
export interface SlateTrack {
  readonly first: Frame;
  readonly frames: readonly { readonly ms: number; readonly frame: Frame }[];
  readonly lengthMs: number;
}

export interface Slate {
  readonly tracks: SourceTracks;
  readonly video: SlateTrack | null;
  readonly audio: SlateTrack | null;
}

/** No slate needs more frames; a source of 240 pictures a second comes to 600. */
const FRAMES_MAX = 4000;

/**
 * Null where the bytes hold nothing to show, or not the tracks that the source has. A source of Opus gets Opus: its silence
 * needs no encoder, and what is of one kind needs no new feed.
 */
export function readSlate(bytes: Buffer, facts: SourceFacts): Slate | null {
  const tracks = new SourceTracks();
  const frames: Frame[] = [];
  const demuxer = new TsDemuxer({
    onConfig: (config: DecoderConfig) => void tracks.configure(config),
    onFrame: (frame: Frame) => {
      if (frames.length < FRAMES_MAX && facts[frame.track] !== null && tracks.has(frame.track)) frames.push(frame);
    },
    onFault: () => {},
  });
  demuxer.push(bytes);
  demuxer.end();
  const video = loopOf(frames.filter((frame) => frame.track === 'video'));
  const audio = opusLoop(facts, tracks) ?? loopOf(frames.filter((frame) => frame.track === 'audio'));
  const missesPicture = facts.video !== null && video?.first.key !== true;
  if (missesPicture || (video === null && audio === null)) return null;
  if (video !== null) describePictures(tracks, video);
  if (audio !== null) tracks.markPresent('audio');
  return { tracks, video, audio };
}

function opusLoop({ audio }: SourceFacts, tracks: SourceTracks): SlateTrack | null {
  const silence = audio?.codec === 'opus' ? opusSilence(audio) : null;
  if (silence === null) return null;
  const { config, packet, packetMs } = silence;
  tracks.configure(config);
  return { first: packet, frames: [{ ms: 0, frame: packet }], lengthMs: packetMs };
}

function describePictures(tracks: SourceTracks, video: SlateTrack): void {
  tracks.markPresent('video');
  if (tracks.needsFrameRate) tracks.assumeFrameRate(measureFrameRate(video.frames.map(({ ms }) => ms)));
  const keys = [...video.frames.filter(({ frame }) => frame.key).map(({ ms }) => ms), video.lengthMs];
  for (const [index, ms] of keys.slice(1).entries()) tracks.noteKeyInterval(Math.round(ms - (keys[index] ?? 0)));
}

function loopOf(frames: readonly Frame[]): SlateTrack | null {
  const first = frames[0];
  const last = frames.at(-1);
  if (first === undefined || last === undefined || frames.length < 2) return null;
  const msOf = (frame: Frame) => ((frame.dts - first.dts) * 1000) / frame.timescale;
  const stepMs = msOf(last) / (frames.length - 1);
  if (!(stepMs > 0)) return null;
  return { first, frames: frames.map((frame) => ({ ms: msOf(frame), frame })), lengthMs: msOf(last) + stepMs };
}
