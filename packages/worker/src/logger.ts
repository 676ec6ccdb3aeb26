/** What this package logs to; pino's loggers fit. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Spares making lines that nobody reads. */
  isLevelEnabled?(level: string): boolean;
}

const nothing = (): void => {};
export const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
