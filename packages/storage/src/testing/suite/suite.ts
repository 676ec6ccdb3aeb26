/**
 * What every origin must do, whatever is behind it. Knows nothing of servers: `open` gives an origin over an empty
 * place of its own.
 */
import type { Test } from 'tap';
import type { Origin } from '../../api.js';
import { changes } from './changes.js';
import { content } from './content.js';
import { listing } from './listing.js';
import { oddKeys } from './odd-keys.js';

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

/** One subtest for each scenario, each with an origin of its own. */
export function originSuite(t: Test, init: SuiteInit): void {
  const scenarios: Scenarios = { ...content, ...listing, ...changes, ...oddKeys };
  t.test(init.name, async (t) => {
    for (const [name, run] of Object.entries(scenarios)) {
      await t.test(name, async (t) => {
        const target = await init.open();
        t.teardown(() => target.close());
        await run({ t, origin: target.origin, target, lacks: init.lacks ?? {} });
      });
    }
  });
}
