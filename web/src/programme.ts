/** What is to be played: a video, or a live channel with as much of its past as there is. */
export type Programme =
  | { readonly kind: 'video'; readonly url: string; readonly thumbnails: string }
  | {
      readonly kind: 'channel';
      readonly live: string;
      readonly dvr: Past;
      readonly startOver: Past;
    };

interface Past {
  readonly url: string;
  readonly thumbnails: string;
}

/** Which of a programme's addresses is played. */
export type Mode = 'video' | 'live' | 'dvr' | 'start-over';

export function mediaUrl(programme: Programme, mode: Mode): string {
  if (programme.kind === 'video') return programme.url;
  return mode === 'live' ? programme.live : pastOf(programme, mode).url;
}

/** Those of a channel's live window are among those of its DVR window. */
export function thumbnailsUrl(programme: Programme, mode: Mode): string {
  return programme.kind === 'video' ? programme.thumbnails : pastOf(programme, mode).thumbnails;
}

function pastOf({ dvr, startOver }: Programme & { kind: 'channel' }, mode: Mode): Past {
  return mode === 'start-over' ? startOver : dvr;
}
