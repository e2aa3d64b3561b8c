/** Every door of a box on a free port of this machine, as its command line has them. */
export const freeDoors = ['http', 'rtmp', 'srt', 'webrtc', 'admin'].flatMap((door) => [`--${door}`, '127.0.0.1:0']);
