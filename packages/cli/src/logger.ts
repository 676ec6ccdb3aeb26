/** Logs: JSON on stderr, or pretty on a terminal. */
import { type DestinationStream, destination, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config/schema.js';

/** What every part takes; pino fits it. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const STDERR = 2;

/** A logger whose lines carry `name`. Writes at once: nothing is lost when the process ends. */
export function createLogger(
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  name: string,
  isTerminal: boolean,
): Logger {
  // A second line of defence: no part logs a secret.
  const redact = ['secret', '*.secret', 'authorization', '*.authorization'];
  return pino({ name, level: logLevel, redact, base: { name, pid: process.pid } }, stream());

  function stream(): DestinationStream {
    const isPretty = logFormat === 'pretty' || (logFormat === 'auto' && isTerminal);
    const out = isPretty
      ? pretty({
          destination: STDERR,
          sync: true,
          colorize: isTerminal,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss.l',
        })
      : destination({ fd: STDERR, sync: true });
    // Whoever read the logs may be gone; that must not keep a mount from being unmounted.
    out.on('error', () => {});
    return out;
  }
}
