/** Reads the one-representation MPD that the packager writes: codecs and the timeline of the segments. Pure. */
import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

export interface PackagedTimeline {
  /** RFC 6381. */
  readonly codecs: string;
  readonly timescale: number;
  /** In units of 1/timescale second, in order. */
  readonly segments: readonly { readonly start: number; readonly duration: number }[];
}

const integer = z.coerce.number().int().nonnegative();
const mpdShape = z.object({
  MPD: z.object({
    Period: z.object({
      AdaptationSet: z.object({
        Representation: z.object({
          codecs: z.string().min(1),
          SegmentTemplate: z.object({
            timescale: integer.min(1),
            startNumber: integer,
            SegmentTimeline: z.object({
              S: z.array(z.object({ t: integer.optional(), d: integer.min(1), r: integer.optional() })).min(1),
            }),
          }),
        }),
      }),
    }),
  }),
});

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  isArray: (name) => name === 'S',
});

/** More than a second's worth of four-second segments for each second of two days: an absurd repeat count stops here. */
const SEGMENTS_MAX = 200_000;

/** Throws on anything but the packager's shape (ISO/IEC 23009-1 §5.3.9.6): that is a bug, or another packager. */
export function readShakaMpd(xml: string): PackagedTimeline {
  const { codecs, SegmentTemplate: template } = mpdShape.parse(parser.parse(xml)).MPD.Period.AdaptationSet
    .Representation;
  if (template.startNumber !== 1) throw new Error(`segments begin at number ${template.startNumber}, not 1`);
  const segments: { start: number; duration: number }[] = [];
  let next = 0;
  for (const { t, d, r = 0 } of template.SegmentTimeline.S) {
    next = t ?? next;
    if (segments.length + r >= SEGMENTS_MAX) throw new Error('the packager lists an absurd number of segments');
    for (let repeat = 0; repeat <= r; repeat += 1, next += d) segments.push({ start: next, duration: d });
  }
  return { codecs, timescale: template.timescale, segments };
}
