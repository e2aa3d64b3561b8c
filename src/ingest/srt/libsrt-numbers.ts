/** Of libsrt's C interface; apart from it, for those who must load where koffi does not. */

/** srt.h: SRT_EPOLL_OPT. */
export const EPOLL_IN = 1;
export const EPOLL_ERR = 8;
/** Bytes of an SRT_EPOLL_EVENT: the socket and its events. */
export const EPOLL_EVENT_BYTES = 8;
/** srt.h: SRT_EASYNCRCV, nothing to read now. */
export const NOTHING_TO_READ = 6002;
