import type { Dataset } from '@tidecache/protocol';

/** Names below the root under which a dataset came, went or changed: what is below them may mean something else now. */
export function changedNames(before: readonly Dataset[], after: readonly Dataset[]): string[] {
  const was = new Map(before.map((dataset) => [dataset.id, JSON.stringify(dataset)]));
  const is = new Map(after.map((dataset) => [dataset.id, JSON.stringify(dataset)]));
  const names = new Set<string>();
  for (const dataset of [...before, ...after]) {
    if (was.get(dataset.id) === is.get(dataset.id)) continue;
    const name = dataset.path.split('/')[1];
    if (name) names.add(name);
  }
  return [...names];
}
