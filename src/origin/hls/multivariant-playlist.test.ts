import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { type VideoStream, writeMultivariantPlaylist } from './multivariant-playlist.js';

HLS.setOptions({ strictMode: true });
const parse = (text: string) => HLS.parse(text) as types.MasterPlaylist;

const audio = { uri: 'audio.m3u8', codecs: 'mp4a.40.2', channels: 2, bandwidth: 100_000, averageBandwidth: 96_000 };

function rung(height: number, iframesUri: string | null = null): VideoStream {
  const rates = { bandwidth: height * 3000, averageBandwidth: height * 2500 };
  const uri = `v${height}.m3u8`;
  return { uri, codecs: 'avc1.64001f', width: (height * 16) / 9, height, frameRate: 29.97, iframesUri, ...rates };
}

describe('writeMultivariantPlaylist', () => {
  it('lists the rungs from low to high, each with the sound in a group of its own', () => {
    const playlist = parse(writeMultivariantPlaylist({ video: [rung(720), rung(360)], audio }));
    expect(playlist.independentSegments).toBe(true);
    expect(playlist.variants.map((variant) => variant.resolution?.height)).toEqual([360, 720]);
    expect(playlist.variants[0]).toMatchObject({
      bandwidth: 1_180_000,
      averageBandwidth: 996_000,
      codecs: 'avc1.64001f,mp4a.40.2',
      frameRate: 29.97,
    });
    expect(playlist.variants[0]?.audio[0]).toMatchObject({ uri: 'audio.m3u8', isDefault: true, channels: '2' });
  });

  it('is a plain list without sound, and one variant without a picture', () => {
    const silent = parse(writeMultivariantPlaylist({ video: [rung(360)], audio: null }));
    expect(silent.variants[0]).toMatchObject({ codecs: 'avc1.64001f', audio: [] });
    const sound = parse(writeMultivariantPlaylist({ video: [], audio }));
    expect(sound.variants).toHaveLength(1);
    expect(sound.variants[0]).toMatchObject({ uri: 'audio.m3u8', codecs: 'mp4a.40.2', bandwidth: 100_000 });
  });

  it('names the captions in the pictures, of codecs that carry them', () => {
    const av1 = { ...rung(1080), codecs: 'av01.0.08M.08' };
    const captions = { cea608: [1, 3], cea708: [2] };
    const text = writeMultivariantPlaylist({ video: [av1, rung(360)], audio, captions });
    const { variants } = parse(text);
    expect(variants[0]?.closedCaptions.map(({ instreamId }) => instreamId)).toEqual(['CC1', 'CC3', 'SERVICE2']);
    expect(variants[0]?.closedCaptions.map(({ autoselect }) => autoselect)).toEqual([true, false, false]);
    expect(variants[1]?.closedCaptions).toEqual([]);
    expect(writeMultivariantPlaylist({ video: [rung(360)], audio, captions: null })).not.toContain('CLOSED-CAPTIONS');
    const none = writeMultivariantPlaylist({ video: [rung(360), rung(720)], audio, captions: 'none' });
    expect(none.match(/CLOSED-CAPTIONS=NONE/g)).toHaveLength(2);
    parse(none);
  });

  it('names the picture playlists for seeking', () => {
    const playlist = parse(writeMultivariantPlaylist({ video: [rung(360, 'iframes.m3u8')], audio }));
    const iframes = playlist.variants.filter((variant) => variant.isIFrameOnly);
    expect(iframes).toHaveLength(1);
    expect(iframes[0]).toMatchObject({ uri: 'iframes.m3u8', codecs: 'avc1.64001f' });
  });
});
