// Says when each part came to exist: asks the origin's own door, behind the edge, for one position after the other, in a process
// of its own so that its clock is not kept waiting. Started by viewers.mjs: node part-witness.mjs HOST PORT PLAYLIST-PATH
import { blockingPath, Connection, nowMs, positionOf, readPlaylist, requestFor, textOf } from './ll-hls-viewer.mjs';

const [host, port, playlistPath] = process.argv.slice(2);
const ask = (path) => connection.ask(requestFor(path, `${host}:${port}`, 'identity'));

const connection = new Connection({
  ...{ host, port: Number(port) },
  wantsBody: () => true,
  onAnswer: (status, body) => {
    const at = nowMs();
    if (status !== 200) return lost(`the origin answered ${status}`);
    const { parts, next } = readPlaylist(textOf(body), playlistPath);
    if (next === null) return lost('the playlist has no hint');
    const last = parts.at(-1)?.position ?? positionOf(0, 0);
    process.send({ at, last, next });
    ask(blockingPath(playlistPath, next));
  },
  onLost: (reason) => lost(reason),
});

function lost(reason) {
  process.stderr.write(`the witness saw no more: ${reason}\n`);
  process.exit(1);
}

process.on('disconnect', () => process.exit());
ask(playlistPath);
