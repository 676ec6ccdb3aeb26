/**
 * What every origin must do, whatever is behind it. Knows nothing of servers: `open` gives an origin over an empty
 * place of its own.
 */
import type { Test } from 'tap';
import { changes } from './changes.js';
import { content } from './content.js';
import { listing } from './listing.js';
import { oddKeys } from './odd-keys.js';
import type { Scenarios, SuiteInit } from './scenario.js';

export type { SuiteInit, SuiteTarget } from './scenario.js';

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
