import { epoch, fileIdOf, laneOf, type Ring, type RingMember } from '@tidecache/protocol';
import { type Address, createPeer, realClock } from '@tidecache/transport';
import { t } from 'tap';
import { silentLogger } from '../../src/logger.js';
import { WorkerSet } from '../../src/workers/worker-set.js';

const fileId = fileIdOf({ datasetId: 1, key: 'k', version: 'v', size: 1, blockBytes: 4 << 20 });
const member: RingMember = { id: 'w', host: '127.0.0.1', port: 1, hostId: 'elsewhere', weight: 1 };
const ringOf = (...ports: number[]): Ring => {
  const lanes = ports.map((port) => ({ port }));
  const one = { ...member, port: ports[0]!, ...(ports.length > 1 && { lanes }) };
  return { epoch: epoch(1), members: [one] };
};

t.test(
  'a block is asked of its lane; a lane that moved is dialled anew, one that did not is kept',
  async (t) => {
    const dialled: number[] = [];
    const connect = (address: Address) => {
      if ('port' in address) dialled.push(address.port);
      return createPeer({ address, secret: 'a secret of the tests', name: 'client' });
    };
    const workers = new WorkerSet({
      hostId: 'here',
      mapMemory: false,
      connect,
      connectMapped: connect,
      clock: realClock,
      random: () => 0.5,
      logger: silentLogger,
    });
    t.teardown(() => workers.close());
    const next = (block: number) => workers.next(fileId, block, new Set(), false)!;

    workers.setRing(ringOf(11, 12, 13));
    t.same(dialled, [11, 12, 13]);
    for (let block = 0; block < 50; block++) {
      t.equal(next(block).member.port, 11 + laneOf(fileId, block, 3), `block ${block}`);
    }
    t.equal(workers.size, 1, 'it is one worker');
    t.equal(workers.next(fileId, 0, new Set([next(0).id]), true), undefined, 'tried as a whole');
    const kept = next(0);
    workers.setRing(ringOf(11, 12, 13));
    t.equal(next(0), kept);

    workers.setRing(ringOf(11, 12, 14));
    t.same(dialled.slice(3), [11, 12, 14]);
    workers.setRing(ringOf(11));
    t.same(dialled.slice(6), [11]);
    for (let block = 0; block < 50; block++) t.equal(next(block).member.port, 11);
  },
);
