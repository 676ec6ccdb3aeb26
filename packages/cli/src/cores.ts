/** The cores that this process may use, by its affinity and by its control group's quota, which Node 20 does not see. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** May be a fraction: a container's limit of `2500m` is 2.5. */
export function availableCores(
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
  hostCores = availableParallelism(),
): number {
  return Math.min(hostCores, ...quotas(read));
}

/** Of the process's own group and those above it. A container sees its own as the root, or does not see its path. */
function quotas(read: (path: string) => string): number[] {
  const found: number[] = [];
  for (const line of (tryRead(read, '/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isUnified = controllers === '';
    if (!isUnified && !controllers.split(',').includes('cpu')) continue;
    for (const group of upwards(path)) {
      const cores = isUnified ? unifiedQuota(read, group) : oldQuota(read, group);
      if (cores !== undefined) found.push(cores);
    }
  }
  return found;
}

/** `/a/b`, `/a` and the root, which is empty. */
function upwards(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return [...names.keys(), names.length].map((n) =>
    names
      .slice(0, n)
      .map((name) => `/${name}`)
      .join(''),
  );
}

/** Control groups, version 2: `max 100000`, or microseconds in a period. */
function unifiedQuota(read: (path: string) => string, group: string): number | undefined {
  return coresOf(
    ...((tryRead(read, `/sys/fs/cgroup${group}/cpu.max`) ?? '').split(' ') as [string, string?]),
  );
}

/** Version 1: -1 is no limit. */
function oldQuota(read: (path: string) => string, group: string): number | undefined {
  const file = (name: string) => tryRead(read, `/sys/fs/cgroup/cpu${group}/cpu.cfs_${name}_us`);
  return coresOf(file('quota'), file('period'));
}

function coresOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cores = Number(quota) / Number(period);
  return cores > 0 ? cores : undefined;
}

function tryRead(read: (path: string) => string, path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}
