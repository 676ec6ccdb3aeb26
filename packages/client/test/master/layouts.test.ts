import {
  inodeId,
  type MetadataPolicy,
  type OpcodeName,
  ROOT_INODE,
  TidecacheError,
} from '@tidecache/protocol';
import { t } from 'tap';
import { Layouts } from '../../src/master/layouts.js';
import type { MasterLink } from '../../src/master/master-link.js';
import { FakeClock, settle } from '../doubles/fake-clock.js';
import { fileRecord } from '../doubles/fake-master.js';

const FILE = fileRecord(10, 'v1', 100);
const INO = inodeId(10);

function start(metadata: MetadataPolicy, validMs = 1_000) {
  const clock = new FakeClock();
  const calls: OpcodeName[] = [];
  const state: { error?: TidecacheError; hold?: Promise<void> } = {};
  const call = async (name: OpcodeName) => {
    calls.push(name);
    await state.hold;
    if (state.error) throw state.error;
    if (name === 'LOOKUP') return { name: 'f', inode: FILE, validMs };
    if (name === 'READDIR') return { entries: [{ name: 'f', inode: FILE, validMs }], validMs };
    return { inode: FILE };
  };
  const master = { call } as unknown as MasterLink;
  const layouts = new Layouts({ master, clock, policyOf: () => metadata });
  return { clock, calls, state, layouts };
}

t.test('a name is answered from memory, at once, while it may be believed', async (t) => {
  const { clock, calls, layouts } = start('once');
  await layouts.lookup(ROOT_INODE, 'f');
  const again = layouts.lookup(ROOT_INODE, 'f');
  t.notOk(again instanceof Promise);
  t.match(again, { validMs: 1_000, inode: { ino: 10 } });
  await clock.pass(1_000);
  t.ok(layouts.lookup(ROOT_INODE, 'f') instanceof Promise);
  t.same(calls, ['LOOKUP', 'LOOKUP']);
});

t.test('a listing teaches its names', async (t) => {
  const { calls, layouts } = start('once');
  t.same((await layouts.readdir(ROOT_INODE, '', 1_000_000)).next, undefined);
  t.notOk(layouts.lookup(ROOT_INODE, 'f') instanceof Promise);
  t.notOk(layouts.getattr(INO) instanceof Promise);
  t.same(calls, ['READDIR']);
});

t.test('a listing that came around a change is not believed', async (t) => {
  const { state, layouts } = start('once');
  let arrive = () => {};
  state.hold = new Promise((resolve) => {
    arrive = resolve;
  });
  const listing = layouts.readdir(ROOT_INODE, '', 10);
  layouts.forget({ entries: [{ parent: ROOT_INODE, name: 'g' }], inodes: [] });
  arrive();
  t.equal((await listing).validMs, 0);
  t.equal((await layouts.readdir(ROOT_INODE, '', 10)).validMs, 1_000);
});

t.test('opening asks as the policy says: never, once in a while, each time', async (t) => {
  for (const [policy, first, later] of [
    ['once', 0, 0],
    [{ ttlMs: 1_000 }, 0, 1],
    ['always', 3, 3],
  ] as const) {
    const { clock, calls, layouts } = start(policy);
    await layouts.lookup(ROOT_INODE, 'f');
    calls.length = 0;
    for (let i = 0; i < 3; i++) await layouts.open(INO);
    t.equal(calls.length, first, JSON.stringify(policy));
    await clock.pass(1_500);
    calls.length = 0;
    for (let i = 0; i < 3; i++) await layouts.open(INO);
    t.equal(calls.length, later, JSON.stringify(policy));
  }
});

t.test('while the master is away, what is known stays usable, and errors of its own count', async (t) => {
  const { clock, state, layouts } = start('always', 10);
  await layouts.lookup(ROOT_INODE, 'f');
  await clock.pass(100);
  state.error = new TidecacheError('UNREACHABLE', 'away');
  t.equal((await layouts.lookup(ROOT_INODE, 'f')).inode.ino, 10);
  t.equal((await layouts.open(INO)).ino, 10);
  await t.rejects(Promise.resolve(layouts.open(inodeId(11))), { code: 'UNREACHABLE' });
  state.error = new TidecacheError('STALE', 'gone');
  await t.rejects(Promise.resolve(layouts.open(INO)), { code: 'STALE' });
  state.error = new TidecacheError('UNREACHABLE', 'away');
  await t.rejects(Promise.resolve(layouts.open(INO)), { code: 'UNREACHABLE' }, 'a stale inode is forgotten');
});

t.test('after a time without the master everything is asked for once more', async (t) => {
  const { calls, layouts } = start('once');
  await layouts.lookup(ROOT_INODE, 'f');
  layouts.distrustAll();
  calls.length = 0;
  await layouts.open(INO);
  await layouts.open(INO);
  await layouts.lookup(ROOT_INODE, 'f');
  t.same(calls, ['OPEN', 'LOOKUP']);
});

t.test('an answer that an invalidation overtook is not believed', async (t) => {
  const { calls, state, layouts } = start('once');
  let go = () => {};
  state.hold = new Promise((resolve) => {
    go = resolve;
  });
  const looking = layouts.lookup(ROOT_INODE, 'f');
  await settle();
  layouts.forget({ entries: [{ parent: ROOT_INODE, name: 'f' }], inodes: [] });
  go();
  await looking;
  t.ok(layouts.lookup(ROOT_INODE, 'f') instanceof Promise);
  t.ok(layouts.open(INO) instanceof Promise);
  await settle();
  t.same(calls, ['LOOKUP', 'LOOKUP', 'OPEN']);
});

t.test('what is pushed as gone is forgotten', async (t) => {
  const { layouts } = start('once');
  await layouts.lookup(ROOT_INODE, 'f');
  layouts.forget({ entries: [], inodes: [10] });
  t.ok(layouts.getattr(INO) instanceof Promise);
  t.ok(layouts.lookup(ROOT_INODE, 'f') instanceof Promise);
});
