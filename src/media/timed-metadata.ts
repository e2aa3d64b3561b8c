/** What a source tells beside its picture and sound, each with its moment. */
export type TimedMetadataKind = 'scte35' | 'id3';

/** The longest splice_info_section (SCTE 35 §9.6: section_length is 4,093 at most); an ID3 payload above this is not taken either. */
export const TIMED_METADATA_BYTES_MAX = 4096;

export interface TimedMetadata {
  /** Whole ms of the broadcast's timeline, ≥ 0; may lie ahead of the newest picture by as much as the source announces it. */
  readonly atMs: number;
  readonly kind: TimedMetadataKind;
  /** `scte35`: a whole splice_info_section whose CRC is right. `id3`: one or more ID3v2 tags. */
  readonly data: Buffer;
}
