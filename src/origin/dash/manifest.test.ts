import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { type DashTrack, writeManifest } from './manifest.js';
import { element, escapeXml } from './xml.js';

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false });

const video: DashTrack = {
  ...{
    id: 'v360',
    kind: 'video',
    codecs: 'avc1.64001e',
    bandwidth: 800_000.2,
    width: 640,
    height: 360,
    frameRate: 29.97,
  },
  ...{ timescale: 90_000, presentationTimeOffset: 900_000, startNumber: 7 },
  ...{ initUri: '/media/b_1/v360/init-1.mp4', mediaUri: '/media/b_1/v360/$Number$.m4s' },
  segments: [
    { start: 900_000, duration: 180_000 },
    { start: 1_080_000, duration: 180_000 },
    { start: 1_260_000, duration: 90_000 },
    { start: 1_400_000, duration: 180_000 },
  ],
};

describe('writeManifest', () => {
  it('writes the timeline in runs, with a time wherever it jumps', () => {
    const text = writeManifest({
      ...{ live: null, durationSec: 9, maxSegmentSec: 2 },
      periods: [{ id: '0', startSec: 0, tracks: [video] }],
    });
    const { MPD } = parser.parse(text);
    expect(MPD).toMatchObject({ type: 'static', mediaPresentationDuration: 'PT9S' });
    const representation = MPD.Period.AdaptationSet.Representation;
    expect(representation).toMatchObject({ bandwidth: '800001', frameRate: '30000/1001', width: '640' });
    expect(representation.SegmentTemplate).toMatchObject({ startNumber: '7', presentationTimeOffset: '900000' });
    expect(representation.SegmentTemplate.SegmentTimeline.S).toEqual([
      { t: '900000', d: '180000', r: '1' },
      { d: '90000' },
      { t: '1400000', d: '180000' },
    ]);
  });

  it('says which captions a set of pictures carries', () => {
    const text = writeManifest({
      ...{ live: null, durationSec: 9, maxSegmentSec: 2 },
      periods: [{ id: '0', startSec: 0, tracks: [video], captions: { cea608: [1, 3], cea708: [1, 2] } }],
    });
    expect(parser.parse(text).MPD.Period.AdaptationSet.Accessibility).toEqual([
      { schemeIdUri: 'urn:scte:dash:cc:cea-608:2015', value: 'CC1=und;CC3=und' },
      { schemeIdUri: 'urn:scte:dash:cc:cea-708:2015', value: '1=lang:und;2=lang:und' },
    ]);
  });

  it('tells a live player when it began, how often to ask, and what time it is', () => {
    const live = {
      ...{ availabilityStartTime: 1_700_000_000_000, publishTime: 1_700_000_010_000, minimumUpdateSec: 2 },
      ...{ timeShiftBufferSec: 16, presentationDelaySec: 6, clockUri: '/time' },
    };
    const text = writeManifest({
      ...{ live, durationSec: null, maxSegmentSec: 2 },
      periods: [{ id: 'b_1-1', startSec: 1.5, tracks: [video] }],
    });
    const { MPD } = parser.parse(text);
    expect(MPD).toMatchObject({
      ...{ type: 'dynamic', availabilityStartTime: '2023-11-14T22:13:20.000Z', minimumUpdatePeriod: 'PT2S' },
      ...{ timeShiftBufferDepth: 'PT16S', suggestedPresentationDelay: 'PT6S' },
      UTCTiming: { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: '/time' },
    });
    expect(MPD.mediaPresentationDuration).toBeUndefined();
    expect(MPD.Period.start).toBe('PT1.5S');
  });
});

describe('element', () => {
  it('survives any text in an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const written = element('A', { b: text });
        expect(written).toMatch(/^<A b="[^<>"]*"\/>$/);
        expect(written.replace(/&(amp|lt|gt|quot|apos);/g, '')).not.toContain('&');
      }),
    );
    expect(escapeXml(`<a b='c' & "d">\u0000`)).toBe('&lt;a b=&apos;c&apos; &amp; &quot;d&quot;&gt;');
  });
});
