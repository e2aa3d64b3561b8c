import Hls, { type FragLoadingData } from 'hls.js';

/** What the player's caption controller remembers of the piece it was given last. */
interface CaptionController {
  lastSn: number;
  lastPartIndex: number;
  onFragLoading(event: string, piece: FragLoadingData): void;
}

const Controller = Hls.DefaultConfig.timelineController as unknown as new (hls: Hls) => CaptionController;

/**
 * Captions across the parts of a segment. hls.js 1.7.4 begins its CTA-608 decoder afresh at every part, as if each were a
 * jump (its check wants the next segment's number), so that no caption longer than a part is ever shown. A later part of the
 * same segment is none of that controller's business.
 */
class PartCaptions extends Controller {
  override onFragLoading(event: string, piece: FragLoadingData): void {
    const { frag, part } = piece;
    // Several parts may be loaded in a row, of which only the first is announced.
    const goesOn = frag.type === 'main' && frag.sn === this.lastSn && part && part.index > this.lastPartIndex;
    if (goesOn) this.lastPartIndex = part.index;
    else super.onFragLoading(event, piece);
  }
}

/** For `timelineController` of the player's configuration. */
export const partCaptions = PartCaptions as unknown as NonNullable<typeof Hls.DefaultConfig.timelineController>;
