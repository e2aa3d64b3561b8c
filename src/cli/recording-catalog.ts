import type { Catalog } from '../metadata/catalog.js';
import { newEntry } from '../metadata/new-entry.js';
import type { FinishedRecording, RecordingCatalog, RecordingPolicy } from '../origin/recording/recording-store.js';

/** The catalog as the recorder needs it: a channel's wishes, else the box's; and a video for each archive. */
export class RecordingsInCatalog implements RecordingCatalog {
  readonly #catalog: Catalog;
  readonly #defaults: RecordingPolicy;

  constructor(catalog: Catalog, defaults: RecordingPolicy) {
    this.#catalog = catalog;
    this.#defaults = defaults;
  }

  async policyOf(channel: string): Promise<RecordingPolicy> {
    const settings = (await this.#catalog.channel(channel))?.settings;
    const { dvrSec, archive } = this.#defaults;
    return { dvrSec: settings?.dvrSec ?? dvrSec, archive: settings?.archive ?? archive };
  }

  async archived(recording: FinishedRecording): Promise<{ videoId: string } | null> {
    const { broadcastId, channel, startedAt, durationSec, sizeBytes, complete, archiveKey: key } = recording;
    // The same however often it is told: the entry counts once, and a repetition names the same video.
    const videoId = `v_${broadcastId.slice('b_'.length)}`;
    const title = `${channel}, ${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    const data = { broadcastId, channel, videoId, title, durationSec, sizeBytes, key, incomplete: !complete };
    const verdict = await this.#catalog.append(newEntry('broadcast.archived', data, { id: `archived-${broadcastId}` }));
    return verdict.applied || verdict.reason === 'exists' ? { videoId } : null;
  }
}
