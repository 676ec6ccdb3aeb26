/** What a scenario of the suite is given. */
import type { Test } from 'tap';
import type { Origin } from '../../api.js';

export interface SuiteTarget {
  readonly origin: Origin;
  /** Puts an object past the adapter, so that keys that are no paths can be there. Object stores only. */
  putRaw?(key: string, bytes: Uint8Array): Promise<void>;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

export interface SuiteInit {
  readonly name: string;
  readonly open: () => Promise<SuiteTarget>;
  /** What a small server doesn't do right, so that it can't be tested there. */
  readonly lacks?: {
    /** Keys in the order of their bytes. */
    readonly byteOrder?: boolean;
    /** Conditional puts, when two writers race. */
    readonly conditionalPut?: boolean;
  };
}

export interface SuiteContext {
  readonly t: Test;
  readonly origin: Origin;
  readonly target: SuiteTarget;
  readonly lacks: NonNullable<SuiteInit['lacks']>;
}

export type Scenarios = Readonly<Record<string, (context: SuiteContext) => Promise<void>>>;
