// What is asked for in a day, and when: the same for the same seed.
import { randomOf, zipf } from '../draws.mjs';
import { filmBytes, newest } from './origin.mjs';

const [channels, renditions, titles, titleSegments, films, pages] = [3, 2, 400, 40, 24, 80];
const languages = ['de', 'en', 'fr', 'sv'];

/** How busy it is at that part of the day, 0 to 1, which begins at its quietest; 1 on average. */
export const busyAt = (part) => 1 - 0.7 * Math.cos(2 * Math.PI * part);

/** Draws one request after another. Each says what may come of it; `leaves`: its client does not stay to the end. */
export function dayOf(seed) {
  const random = randomOf(seed);
  const below = (count) => Math.floor(random() * count);
  const title = zipf(titles, 0.8, random);
  const page = zipf(pages, 1, random);
  const film = zipf(films, 0.8, random);
  const channel = zipf(channels, 1, random);
  const live = () => `/live/c${channel()}/v${below(renditions)}`;

  const kinds = [
    [30, () => ({ path: `${live()}.m3u8` })],
    // At the edge, now and then behind it or ahead of it: that one is not there yet.
    [
      34,
      () => ({
        path: `${live()}/${newest() + 1 - below(4) - (below(10) === 0 ? below(100) : 0)}.m4s`,
        may: [200, 404],
      }),
    ],
    [14, () => ({ path: `/vod/t${title()}/${Math.floor(titleSegments * random() ** 2)}.m4s` })],
    [1, () => ({ path: `/film/${film()}.mp4`, may: [206], headers: { range: aRange() } })],
    [12, () => ({ path: `/page/${page()}`, headers: { 'accept-language': languages[below(languages.length)] } })],
    [5, () => ({ path: `/me/${below(1e9)}`, headers: { cookie: `session=${below(1e9)}` } })],
    [4, () => ({ path: `/nothing/${below(1e9)}`, may: [404] })],
  ];
  const weights = kinds.flatMap(([weight, draw]) => Array(weight).fill(draw));
  const aRange = () => {
    const first = below(filmBytes);
    return `bytes=${first}-${Math.min(filmBytes - 1, first + below(1_500_000))}`;
  };
  return {
    next() {
      const { path, may = [200], headers = {} } = weights[below(weights.length)]();
      return { path, may, headers, leaves: below(100) === 0 };
    },
    /** What an editor takes back. */
    purge() {
      const soft = below(2) === 0;
      return below(10) === 0 ? { prefix: '/page/', soft } : { tag: `t${title()}`, soft };
    },
  };
}
