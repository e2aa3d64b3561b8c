// Traces of requests, the same for the same seed: which object is asked for, one after the other, and how large each object is.
import { between, firstAbove, randomOf, zipf } from '../draws.mjs';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

const shuffled = (count, random) => {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
};

/** 2 KB to 2 MB: playlists and thumbnails, sound, pictures of three renditions. */
function drawSize(random) {
  const kind = random();
  if (kind < 0.2) return drawPageSize(random);
  if (kind < 0.4) return between(40 * kibibyte, 120 * kibibyte, random);
  return between(150 * kibibyte, 2 * mebibyte, random);
}

const drawPlaylistSize = (random) => between(4 * kibibyte, 12 * kibibyte, random);

const drawPageSize = (random) => between(2 * kibibyte, 20 * kibibyte, random);

/** What a trace is written into. */
class Trace {
  names = [];
  sizes = [];
  diesAt = [];
  requests = [];

  /** `diesAt`: the request from which on it is of no use to anybody. */
  object(name, size, diesAt = Number.POSITIVE_INFINITY) {
    this.names.push(name);
    this.sizes.push(size);
    this.diesAt.push(diesAt);
    return this.names.length - 1;
  }

  objects(prefix, count, random, draw = drawSize) {
    const first = this.names.length;
    for (let at = 0; at < count; at += 1) this.object(`/media/${prefix}/1080p/${at}.m4s`, draw(random));
    return first;
  }

  ask(object) {
    this.requests.push(object);
  }

  /** Bytes of all objects that were asked for. */
  get footprint() {
    return [...new Set(this.requests)].reduce((sum, object) => sum + this.sizes[object], 0);
  }
}

/** Sources: each call of one asks for one object. */

function independent(trace, random, { count, alpha, prefix = 'zipf' }) {
  const first = trace.objects(prefix, count, random);
  const order = shuffled(count, random);
  const draw = zipf(count, alpha, random);
  return () => trace.ask(first + order[draw()]);
}

const segmentsPerTitle = 60;

/** Viewers side by side, each from the beginning of a title on, segment by segment, until it has had enough. */
function sessions(trace, random, { titles, alpha, viewers, prefix = 'vod' }) {
  const first = trace.objects(prefix, titles * segmentsPerTitle, random);
  const order = shuffled(titles, random);
  const draw = zipf(titles, alpha, random);
  const begin = () => ({ title: order[draw()], at: 0 });
  const watching = Array.from({ length: viewers }, () => ({ ...begin(), at: Math.floor(random() * 20) }));
  return () => {
    const seat = Math.floor(random() * viewers);
    const viewer = watching[seat];
    trace.ask(first + viewer.title * segmentsPerTitle + viewer.at);
    viewer.at += 1;
    if (viewer.at === segmentsPerTitle || random() < 0.03) watching[seat] = begin();
  };
}

/**
 * Viewers at the edge of a window that moves on: each segment is hot for as long as `perSegment` requests take, and then dead but for
 * those who seek back into the last `window` segments. Three renditions a channel.
 */
function live(trace, random, { channels, perSegment, seekers, window = 300, prefix = 'live' }) {
  const renditions = [1.6 * mebibyte, 700 * kibibyte, 250 * kibibyte];
  const draw = zipf(channels * renditions.length, 1, random);
  const streams = Array.from({ length: channels * renditions.length }, () => []);
  const playlists = [];
  let asked = 0;
  const moveOn = () => {
    for (const [stream, segments] of streams.entries()) {
      const size = Math.floor(renditions[stream % renditions.length] * (0.8 + 0.4 * random()));
      segments.push(trace.object(`/media/${prefix}${stream}/1080p/${segments.length}.m4s`, size));
      const playlist = `/live/${prefix}${stream}/1080p.m3u8?_HLS_msn=${segments.length}`;
      playlists[stream] = trace.object(playlist, drawPlaylistSize(random), asked + 3 * perSegment);
    }
  };
  moveOn();
  return () => {
    asked += 1;
    if (asked % perSegment === 0) moveOn();
    const stream = draw();
    if (asked % 3 === 0) return trace.ask(playlists[stream]);
    const segments = streams[stream];
    const seek = random() < seekers ? Math.floor(random() * window) : Math.floor(random() * 2);
    trace.ask(segments[Math.max(0, segments.length - 1 - seek)]);
  };
}

/** A crawler, or a prefill: each object once, one after the other; round and round where `again`. */
function walk(trace, random, { count, prefix = 'walk', again = false, draw = drawSize }) {
  const first = trace.objects(prefix, count, random, draw);
  let at = 0;
  return () => {
    if (at === count && !again) return;
    trace.ask(first + (at % count));
    at += 1;
  };
}

/** One of the sources at a time, in proportion to its share. */
function mixed(random, parts) {
  const sums = [];
  let sum = 0;
  for (const { share } of parts) {
    sum += share;
    sums.push(sum);
  }
  return () => parts[firstAbove(sums, random() * sum)].source();
}

function repeat(times, source) {
  for (let at = 0; at < times; at += 1) source();
}

const scenes = {
  'zipf 0.7': (trace, random, length) => repeat(length, independent(trace, random, { count: 15_000, alpha: 0.7 })),
  'zipf 0.9': (trace, random, length) => repeat(length, independent(trace, random, { count: 15_000, alpha: 0.9 })),
  'zipf 1.1': (trace, random, length) => repeat(length, independent(trace, random, { count: 15_000, alpha: 1.1 })),
  vod: (trace, random, length) => repeat(length, sessions(trace, random, { titles: 300, alpha: 0.9, viewers: 300 })),
  live: (trace, random, length) => repeat(length, live(trace, random, { channels: 8, perSegment: 600, seekers: 0.05 })),
  scan: (trace, random, length) => {
    const hot = sessions(trace, random, { titles: 250, alpha: 0.9, viewers: 200 });
    // Three bursts, in which two of three requests are the crawler's.
    for (let burst = 0; burst < 3; burst += 1) {
      repeat(length / 6, hot);
      const crawler = walk(trace, random, { count: 6_000, prefix: `old${burst}` });
      const both = [
        { share: 1, source: hot },
        { share: 2, source: crawler },
      ];
      repeat(length / 6, mixed(random, both));
    }
  },
  'small scan': (trace, random, length) => {
    const hot = sessions(trace, random, { titles: 250, alpha: 0.9, viewers: 200 });
    repeat(length / 3, hot);
    const crawler = walk(trace, random, { count: length / 2, prefix: 'page', draw: drawPageSize });
    repeat(
      (2 * length) / 3,
      mixed(random, [
        { share: 1, source: hot },
        { share: 2, source: crawler },
      ]),
    );
  },
  loop: (trace, random, length) => {
    const hot = independent(trace, random, { count: 10_000, alpha: 0.9 });
    const round = walk(trace, random, { count: 2_500, prefix: 'round', again: true });
    repeat(
      length,
      mixed(random, [
        { share: 1, source: hot },
        { share: 1, source: round },
      ]),
    );
  },
  shift: (trace, random, length) => {
    const options = { titles: 120, alpha: 1, viewers: 200 };
    for (const prefix of ['spring', 'summer', 'autumn']) {
      const source = sessions(trace, random, { ...options, prefix });
      repeat(length / 3, source);
    }
  },
  mix: (trace, random, length) => {
    const vod = sessions(trace, random, { titles: 200, alpha: 0.9, viewers: 200 });
    const small = independent(trace, random, { count: 4_000, alpha: 0.9, prefix: 'pages' });
    const onAir = live(trace, random, { channels: 6, perSegment: 500, seekers: 0.05 });
    const always = [
      { share: 4, source: vod },
      { share: 1, source: small },
      { share: 4, source: onAir },
    ];
    repeat(length / 3, mixed(random, always));
    const crawler = walk(trace, random, { count: 5_000 });
    repeat(length / 3, mixed(random, [...always, { share: 2, source: crawler }]));
    const premiere = sessions(trace, random, { titles: 2, alpha: 0, viewers: 100, prefix: 'premiere' });
    repeat(length / 3, mixed(random, [...always, { share: 3, source: premiere }]));
  },
};

export const traceNames = Object.keys(scenes);

export function makeTrace(name, { seed, length }) {
  const trace = new Trace();
  scenes[name](trace, randomOf(seed), length);
  return trace;
}
