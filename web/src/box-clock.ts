/** The box's clock, epoch ms: playlists carry its time, and the viewer's own clock may be off. */
export function boxClock(): () => number {
  let aheadMs = 0;
  const askedAt = Date.now();
  fetch('/time')
    .then((answer) => answer.text())
    .then((text) => {
      const boxTime = Date.parse(text);
      if (!Number.isNaN(boxTime)) aheadMs = boxTime - (askedAt + Date.now()) / 2;
    })
    .catch(() => {});
  return () => Date.now() + aheadMs;
}
