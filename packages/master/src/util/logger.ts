/** Structured logs; pino fits it. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = () => {};

/** For who passes none. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
