import type { Call } from '../verb.js';

/** Says that this process serves: to its supervisor, and as one line on stdout (JSON with `--json`). */
export function announce(call: Call, role: string, facts: Readonly<Record<string, unknown>>): void {
  const ready = { ready: true, role, pid: process.pid, ...facts };
  void call.report({ type: 'ready', ready });
  const words = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`);
  call.print(call.json ? JSON.stringify(ready) : `tidecache ${role} ready: ${words.join(', ')}`);
}
