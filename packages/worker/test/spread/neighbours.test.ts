import { epoch, fileIdOf, laneOf, type Ring, TidecacheError } from '@tidecache/protocol';
import type { Address, Peer } from '@tidecache/transport';
import { t } from 'tap';
import { blockKey } from '../../src/block.js';
import type { Fill } from '../../src/fill/fill.js';
import { Neighbours } from '../../src/spread/neighbours.js';
import { sourceOf } from '../support/fixture.js';

const BLOCKS = 400;
const source = sourceOf('a', BLOCKS * 4096);
const fileId = fileIdOf(source);
const lanes = [{ port: 1001 }, { port: 1002 }, { port: 1003 }];
const member = (id: string) => ({ id, host: 'h', port: 1001, hostId: id, weight: 1, lanes });
const ring: Ring = { epoch: epoch(1), members: ['w0', 'w1', 'w2', 'w3'].map(member) };

function neighboursOf(lane: number, count: number, dialled: number[] = []) {
  const connect = (address: Address) => {
    dialled.push('port' in address ? address.port : 0);
    const error = new TidecacheError('UNREACHABLE', 'only the address matters here');
    return { request: () => Promise.reject(error), close: async () => {} } as unknown as Peer;
  };
  const neighbours = new Neighbours({ id: 'w0', lane, lanes: count, connect });
  neighbours.setRing(ring);
  return neighbours;
}

t.test('each lane copies ahead its own blocks; together all of the worker', async (t) => {
  const shares = (lane: number, count: number) =>
    neighboursOf(lane, count).sharesAfter(fileId, BLOCKS, 0, 90);
  const all = shares(0, 1);
  t.ok(all.length > 6, `${all.length} blocks to share out`);
  const split = [0, 1, 2].map((lane) => shares(lane, 3));
  for (const [lane, blocks] of split.entries()) {
    t.ok(blocks.every((block) => laneOf(fileId, block, 3) === lane));
  }
  t.same(
    split.flat().sort((a, b) => a - b),
    all.sort((a, b) => a - b),
  );
});

t.test("a block is copied from its owner's lane", async (t) => {
  const dialled: number[] = [];
  const neighbours = neighboursOf(0, 1, dialled);
  for (let block = 0; block < 20; block++) {
    dialled.length = 0;
    const target = {
      block: { key: blockKey(fileId, block) },
      blockIndex: block,
      from: 0,
      bytes: 4096,
      source,
    };
    // Another owner each time, so that each is dialled anew.
    const owner = member(`owner-${block}`);
    await t.rejects(neighbours.read(owner, target as unknown as Fill, {}), { code: 'UNREACHABLE' });
    t.same(dialled, [1001 + laneOf(fileId, block, 3)], `block ${block}`);
  }
});
