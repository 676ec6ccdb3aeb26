import { TidecacheError } from '@tidecache/protocol';

/** What was typed or configured is wrong: exit status 2. The message names the thing and the fix. */
export class UsageError extends TidecacheError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('INVALID', message, options);
    this.name = 'UsageError';
  }
}

/** A condition was not met in time: exit status 3. */
export class NotInTimeError extends TidecacheError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('TIMEOUT', message, options);
    this.name = 'NotInTimeError';
  }
}
