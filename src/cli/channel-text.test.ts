import { expect, test } from 'vitest';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { describeChannel } from './channel-text.js';

const seen = {
  name: 'news',
  hlsUrl: 'http://tv/live/news/index.m3u8',
  dashUrl: 'http://tv/d',
  watchUrl: 'http://tv/w',
};

test('an owner is told every way to push and every setting', () => {
  const text = describeChannel({
    ...seen,
    live: false,
    streamKey: 'key',
    rtmpUrl: 'rtmp://tv:1935/live/key',
    rtmpsUrl: 'rtmps://tv:1936/live/key',
    srtUrl: 'srt://tv:8890?streamid=key',
    whipUrl: 'http://tv/whip',
    settings: {
      preset: '720p-3',
      graceSec: 0,
      onLoss: 'hold',
      srtPassphrase: 'ten letters',
      dvrSec: 600,
      archive: false,
    },
  });
  expect(text.split('\n')).toEqual([
    'channel     news',
    'state       not live',
    'push to     rtmp://tv:1935/live/key',
    '  in OBS    Server: rtmp://tv:1935/live   Stream Key: key',
    '  or RTMPS  rtmps://tv:1936/live/key',
    '  or SRT    srt://tv:8890?streamid=key',
    '  or WHIP   http://tv/whip   Bearer Token: key',
    'watch       http://tv/w',
    'HLS         http://tv/live/news/index.m3u8',
    'DASH        http://tv/d',
    'preset      720p-3',
    'grace       0 s',
    'on loss     hold',
    'SRT secret  ten letters',
    'DVR         600 s',
    'archive     off',
  ]);
});

test('what is left to the box says so, and others see addresses to watch alone', () => {
  expect(describeChannel({ ...seen, settings: DEFAULT_CHANNEL_SETTINGS })).toMatch(
    /preset +as the box is set\ngrace +as the box is set\non loss +as the box is set\nSRT secret +none\nDVR +as the box is set\narchive +as the box is set$/,
  );
  expect(describeChannel(seen)).not.toMatch(/push|OBS|SRT|preset/);
});
