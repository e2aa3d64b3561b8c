import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * The process's one log: JSON lines on stderr, so that stdout stays free for what a command answers.
 * Child loggers carry whose line it is: `channel`, `video`, `connection`, `request`.
 */
export function openLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options, pino.destination({ dest: 2, sync: false }));
}

/** A log that says nothing, for tests and one-shot commands. */
export const silentLog: Log = pino({ level: 'silent' });
