const TYPES: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl',
  mpd: 'application/dash+xml',
  mp4: 'video/mp4',
  m4s: 'video/iso.segment',
  ts: 'video/mp2t',
  jpg: 'image/jpeg',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  webp: 'image/webp',
  woff2: 'font/woff2',
  txt: 'text/plain; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  map: 'application/json',
  webmanifest: 'application/manifest+json',
};

/** By the name's ending. Sound in MP4 is `audio/mp4`. */
export function contentType(name: string, rendition: 'audio' | 'other' = 'other'): string {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  if (rendition === 'audio' && (ending === 'mp4' || ending === 'm4s')) return 'audio/mp4';
  return TYPES[ending] ?? 'application/octet-stream';
}
