// A publisher whose pictures show the time at which they were handed over, as large black and white blocks, and the code that
// reads it back from a player's picture. The clock is this machine's: the player must run here too.
import { spawn } from 'node:child_process';

const columns = 20;
const rows = 2;
const block = 32;
const width = columns * block;
const height = 360;
const frameRate = 30;
const black = 16;
const white = 235;
/** Pictures that ffmpeg may not have taken yet: one second of them. */
const waitingMax = 30;

/** 32 bits of milliseconds and the sum of their bytes: 40 blocks, row by row. */
function bitsOf(ms) {
  const value = ms % 2 ** 32;
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) & 255);
  const sum = bytes.reduce((total, byte) => total + byte, 0) & 255;
  return [...bytes, sum].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1));
}

/** One yuv420p picture: the clock above, a bar that wanders below, so that there is something to encode. */
function paint(picture, ms, frame) {
  picture.fill(110, 0, width * height);
  picture.fill(128, width * height);
  bitsOf(ms).forEach((bit, index) => {
    const left = (index % columns) * block;
    const top = Math.floor(index / columns) * block;
    for (let y = top; y < top + block; y += 1) {
      const at = y * width + left;
      picture.fill(bit ? white : black, at, at + block);
    }
  });
  const bar = (frame * 7) % (width - block);
  for (let y = 160; y < 240; y += 1) picture.fill(180, y * width + bar, y * width + bar + block);
}

/** Longest broadcast, seconds: a publisher that nobody stops ends by itself. */
const secondsMax = 600;

/** Starts to publish in real time, with a quiet tone; `stop` ends it. What ffmpeg is slow to take counts as latency. */
export function startPublisher(rtmpUrl) {
  const picture = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', String(frameRate)];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000,volume=0.05'];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '60', '-b:v', '1M'];
  const output = ['-c:a', 'aac', '-b:a', '64k', '-flush_packets', '1', '-t', String(secondsMax), '-f', 'flv', rtmpUrl];
  const args = ['-v', 'error', '-probesize', '32', ...picture, '-i', 'pipe:0', ...sound, ...video, ...output];
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.on('error', () => {});
  const kill = () => child.kill('SIGKILL');
  // The tone has no end of its own.
  process.once('exit', kill);
  const pictures = Array.from({ length: waitingMax }, () => Buffer.alloc((width * height * 3) / 2));
  let frame = 0;
  let waiting = 0;
  let timer;
  const give = (taken = () => {}) => {
    if (waiting === waitingMax) throw new Error('this machine is too busy: the publisher cannot keep up');
    const next = pictures[frame % waitingMax];
    paint(next, Date.now(), frame);
    frame += 1;
    waiting += 1;
    child.stdin.write(next, () => {
      waiting -= 1;
      taken();
    });
  };
  // ffmpeg looks at the first picture, and takes the next when it has connected: as with a camera, none waits for that.
  give();
  give(() => {
    const startedAt = performance.now() - (frame * 1000) / frameRate;
    timer = setInterval(() => {
      while (frame <= ((performance.now() - startedAt) * frameRate) / 1000) give();
    }, 4);
  });
  const stop = () => {
    clearInterval(timer);
    process.off('exit', kill);
    kill();
  };
  return { stop };
}

/**
 * In a page, from its beginning: watches the first video element. `window.watched` has a line for each picture presented
 * ([when, milliseconds behind the painted clock or null where that could not be read, rate of playing]) and the times in which
 * the player waited ([from, to]). As text, because it runs in the page.
 */
export const clockReader = `(() => {
  const watched = { pictures: [], waits: [], problems: [] };
  window.watched = watched;
  const columns = ${columns}, rows = ${rows}, size = 8;
  const canvas = document.createElement('canvas');
  canvas.width = columns * size;
  canvas.height = rows * size;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const painted = (video) => {
    const scale = video.videoWidth / ${width};
    const strip = [0, 0, video.videoWidth, rows * ${block} * scale];
    context.drawImage(video, ...strip, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const bytes = [0, 0, 0, 0, 0];
    for (let index = 0; index < columns * rows; index += 1) {
      const x = (index % columns) * size + size / 2;
      const y = Math.floor(index / columns) * size + size / 2;
      bytes[index >> 3] = bytes[index >> 3] * 2 + (data[(y * canvas.width + x) * 4 + 1] > 127 ? 1 : 0);
    }
    const sum = (bytes[0] + bytes[1] + bytes[2] + bytes[3]) & 255;
    return sum === bytes[4] ? ((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]) * 256 + bytes[3] : null;
  };
  const follow = (video) => {
    const presented = () => {
      const now = Date.now();
      const clock = painted(video);
      watched.pictures.push([now, clock === null ? null : (now % 2 ** 32) - clock, video.playbackRate]);
      video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
    let since = null;
    const goesOn = () => {
      if (since !== null) watched.waits.push([since, Date.now()]);
      since = null;
    };
    video.addEventListener('waiting', () => { since ??= Date.now(); });
    video.addEventListener('playing', goesOn);
    video.addEventListener('timeupdate', () => { if (video.readyState > 2) goesOn(); });
    video.addEventListener('error', () => watched.problems.push(video.error.message));
  };
  const look = setInterval(() => {
    const video = document.querySelector('video');
    if (!video) return;
    clearInterval(look);
    follow(video);
  }, 5);
})()`;
