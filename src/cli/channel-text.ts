import type { ChannelSettings } from '../media/channel-settings.js';

/** A channel as the API answers; what is optional is for its owner and the operator, and for protocols that are served. */
export interface Channel {
  readonly name: string;
  readonly live?: boolean;
  readonly streamKey?: string;
  readonly rtmpUrl?: string;
  readonly rtmpsUrl?: string;
  readonly srtUrl?: string;
  readonly whipUrl?: string;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
  readonly settings?: ChannelSettings;
}

/** For people: where to push, where to watch, and how the channel is set. */
export function describeChannel(channel: Channel): string {
  return [
    `channel     ${channel.name}`,
    ...(channel.live === undefined ? [] : [`state       ${channel.live ? 'live' : 'not live'}`]),
    ...pushLines(channel),
    `watch       ${channel.watchUrl}`,
    `HLS         ${channel.hlsUrl}`,
    `DASH        ${channel.dashUrl}`,
    ...(channel.settings ? settingLines(channel.settings) : []),
  ].join('\n');
}

function pushLines({ rtmpUrl, rtmpsUrl, srtUrl, whipUrl, streamKey }: Channel): string[] {
  const server = rtmpUrl && streamKey ? rtmpUrl.slice(0, -streamKey.length - 1) : null;
  return [
    ...(rtmpUrl ? [`push to     ${rtmpUrl}`] : []),
    ...(server ? [`  in OBS    Server: ${server}   Stream Key: ${streamKey}`] : []),
    ...(rtmpsUrl ? [`  or RTMPS  ${rtmpsUrl}`] : []),
    ...(srtUrl ? [`  or SRT    ${srtUrl}`] : []),
    ...(whipUrl ? [`  or WHIP   ${whipUrl}   Bearer Token: ${streamKey}`] : []),
  ];
}

const boxes = 'as the box is set';

function settingLines({ preset, graceSec, onLoss, srtPassphrase, dvrSec, archive }: ChannelSettings): string[] {
  return [
    `preset      ${preset ?? boxes}`,
    `grace       ${graceSec === null ? boxes : `${graceSec} s`}`,
    `on loss     ${onLoss ?? boxes}`,
    `SRT secret  ${srtPassphrase ?? 'none'}`,
    `DVR         ${dvrSec === null ? boxes : `${dvrSec} s`}`,
    `archive     ${archive === null ? boxes : archive ? 'on' : 'off'}`,
  ];
}
