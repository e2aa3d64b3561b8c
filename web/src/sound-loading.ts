import Hls, { type Fragment, type InitPTSFoundData } from 'hls.js';

/** What the controller of sound keeps while it waits to learn where the pictures of a discontinuity begin. */
interface SoundController {
  readonly waitingData: { readonly frag: Fragment } | null;
  onInitPtsFound(event: string, found: InitPTSFoundData): void;
  tick(): void;
}

const Controller = Hls.DefaultConfig.audioStreamController as unknown as new (hls: Hls) => SoundController;

/**
 * Sound across a discontinuity. Where its first part comes before a picture does, hls.js 1.7.4 keeps the part until its next look
 * at the clock, a tenth of a second away; a second part that comes within that time goes ahead of it, and the first is then
 * waited for without end. Here it goes on as soon as the pictures' beginning is known.
 */
class PromptSound extends Controller {
  override onInitPtsFound(event: string, found: InitPTSFoundData): void {
    super.onInitPtsFound(event, found);
    if (found.id === 'main' && this.waitingData?.frag.cc === found.frag.cc) this.tick();
  }
}

/** For `audioStreamController` of the player's configuration. */
export const promptSound = PromptSound as unknown as NonNullable<typeof Hls.DefaultConfig.audioStreamController>;
