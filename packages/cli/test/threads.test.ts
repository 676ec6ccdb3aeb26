import { GiB, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { availableCores } from '../src/cores.js';
import { mountBusyPollMs, mountThreads, workerThreads } from '../src/threads.js';

/** A file system of these files alone. */
const files = (all: Record<string, string>) => (path: string) => {
  const text = all[path];
  if (text === undefined) throw new Error(`ENOENT ${path}`);
  return text;
};

t.test('cores: the least of the machine and every quota above the process', async (t) => {
  const group = { '/proc/self/cgroup': '0::/kubepods/pod1/c\n' };
  const cases: [string, Record<string, string>, number][] = [
    ['nothing is known', {}, 16],
    ['no quota', { ...group, '/sys/fs/cgroup/kubepods/pod1/c/cpu.max': 'max 100000\n' }, 16],
    ['its own', { ...group, '/sys/fs/cgroup/kubepods/pod1/c/cpu.max': '250000 100000\n' }, 2.5],
    ["its pod's", { ...group, '/sys/fs/cgroup/kubepods/pod1/cpu.max': '400000 100000\n' }, 4],
    ['within a container', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '600000 100000\n' }, 6],
    ["a path of the host's, not seen here", { ...group, '/sys/fs/cgroup/cpu.max': '300000 100000\n' }, 3],
    [
      'version 1',
      {
        '/proc/self/cgroup': '4:memory:/x\n3:cpuset:/z\n2:cpu,cpuacct:/y\n0::/\n',
        '/sys/fs/cgroup/cpu/y/cpu.cfs_quota_us': '150000\n',
        '/sys/fs/cgroup/cpu/y/cpu.cfs_period_us': '50000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    ['nonsense', { ...group, '/sys/fs/cgroup/cpu.max': '\n' }, 16],
  ];
  for (const [name, all, cores] of cases) t.equal(availableCores(files(all), 16), cores, name);
  t.ok(availableCores() > 0, 'here');
});

t.test('threads of a worker', async (t) => {
  const cases: [number, number, number][] = [
    [1, 64 * GiB, 1],
    [3, 64 * GiB, 1],
    [3.5, 64 * GiB, 1],
    [4, 64 * GiB, 2],
    [16, 64 * GiB, 8],
    [64, 64 * GiB, 8],
    [64, 3 * GiB, 3],
    [64, 64 * MiB, 1],
  ];
  for (const [cores, memoryBytes, threads] of cases) {
    t.equal(workerThreads('auto', memoryBytes, cores), threads, `${cores} cores, ${memoryBytes} bytes`);
  }
  t.equal(workerThreads(5, 64 * MiB, 1), 5, 'who says a number gets it');
});

t.test('I/O threads of a mount', async (t) => {
  const cases: [number, number][] = [
    [1, 0],
    [3, 0],
    [3.5, 1],
    [4, 1],
    [8, 2],
    [15, 3],
    [64, 4],
  ];
  for (const [cores, threads] of cases) t.equal(mountThreads('auto', cores), threads, `${cores} cores`);
  t.equal(mountThreads(0, 64), 0, 'who says a number gets it');
  t.equal(mountThreads(9, 1), 9);
});

t.test('how long a mount waits awake', async (t) => {
  t.equal(mountBusyPollMs('auto', 1), 0, 'on one core its asker could not run meanwhile');
  t.equal(mountBusyPollMs('auto', 2), 0.1);
  t.equal(mountBusyPollMs(0, 16), 0);
  t.equal(mountBusyPollMs(250, 1), 0.25);
});
