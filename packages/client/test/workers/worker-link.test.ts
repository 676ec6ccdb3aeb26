import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RingMember } from '@tidecache/protocol';
import { type Address, addressText } from '@tidecache/transport';
import { t } from 'tap';
import { silentLogger } from '../../src/logger.js';
import { WorkerLink } from '../../src/workers/worker-link.js';
import { FakeClock } from '../doubles/fake-clock.js';
import { FakePeer } from '../doubles/fake-peer.js';

t.test('who sends bytes is connected to in one way, who may be mapped in another', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-test-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const unixPath = join(dir, 'socket');
  writeFileSync(unixPath, '');
  const member: RingMember = { id: 'w', host: 'far', port: 1, hostId: 'here', weight: 1, unixPath };
  const clock = new FakeClock();
  const waysTo = async (one: RingMember, mapMemory: boolean): Promise<string[]> => {
    const ways: string[] = [];
    const way = (name: string) => (address: Address) => {
      ways.push(`${name} ${addressText(address)}`);
      return new FakePeer(address, clock, () => {});
    };
    const link = new WorkerLink({
      ...{ member: one, hostId: 'here', mapMemory, clock, random: () => 0.5, logger: silentLogger },
      connect: way('received'),
      connectMapped: way('mapped'),
    });
    await link.close();
    return ways;
  };
  t.same(await waysTo({ ...member, hostId: 'elsewhere' }, true), ['received far:1']);
  t.same(await waysTo(member, false), [`received ${addressText({ unixPath })}`]);
  t.same(await waysTo(member, true), [`mapped ${addressText({ unixPath })}`]);
});
