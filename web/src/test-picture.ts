import type { Quality } from './capture.js';

/** A broadcast without a camera: colour bars, a running clock and a beep every second, so that delay can be seen and heard. */
const framesPerSecond = 30;
const bars = ['#bfbfbf', '#bfbf00', '#00bfbf', '#00bf00', '#bf00bf', '#bf0000', '#0000bf'];

export function openTestPicture({ width, height }: Quality): MediaStream {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('This browser draws no canvas.');
  let frame = 0;
  const drawNext = () => draw(context, frame++);
  drawNext();
  const stream = canvas.captureStream(framesPerSecond);
  const tone = openTone();
  for (const track of tone.stream.getAudioTracks()) stream.addTrack(track);
  const stopTicking = tick(drawNext);
  const [video] = stream.getVideoTracks();
  if (!video) throw new Error('This browser captures no canvas.');
  onStop(video, () => {
    stopTicking();
    tone.close();
  });
  return stream;
}

/** A worker's clock: the page's own is slowed down to one tick a second when another tab is in front. */
function tick(onTick: () => void): () => void {
  const code = `setInterval(() => postMessage(0), ${1000 / framesPerSecond});`;
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(address);
  worker.onmessage = onTick;
  return () => {
    worker.terminate();
    URL.revokeObjectURL(address);
  };
}

function draw(context: CanvasRenderingContext2D, frame: number): void {
  const { width, height } = context.canvas;
  const barWidth = width / bars.length;
  for (const [i, colour] of bars.entries()) {
    context.fillStyle = colour;
    context.fillRect(Math.floor(i * barWidth), 0, Math.ceil(barWidth), height * 0.7);
  }
  context.fillStyle = '#101418';
  context.fillRect(0, height * 0.7, width, height * 0.3);
  const across = (frame % (framesPerSecond * 4)) / (framesPerSecond * 4);
  context.fillStyle = '#fff';
  context.fillRect(across * width, height * 0.7, width / 40, height * 0.04);
  context.font = `${Math.round(height / 9)}px ui-monospace, monospace`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(new Date().toISOString().slice(11, 23), width / 2, height * 0.87);
}

/** 440 Hz, a tenth of a second long in every second. */
function openTone(): { stream: MediaStream; close(): void } {
  const audio = new AudioContext();
  const oscillator = new OscillatorNode(audio, { frequency: 440 });
  const gain = new GainNode(audio, { gain: 0 });
  const output = audio.createMediaStreamDestination();
  oscillator.connect(gain).connect(output);
  oscillator.start();
  audio.resume().catch(() => {});
  const timer = setInterval(() => {
    gain.gain.setValueAtTime(0.2, audio.currentTime);
    gain.gain.setValueAtTime(0, audio.currentTime + 0.1);
  }, 1000);
  return {
    stream: output.stream,
    close() {
      clearInterval(timer);
      audio.close().catch(() => {});
    },
  };
}

/** `stop()` fires no event on the track that it is called on. */
function onStop(track: MediaStreamTrack, act: () => void): void {
  const stop = track.stop.bind(track);
  track.stop = () => {
    stop();
    act();
  };
}
