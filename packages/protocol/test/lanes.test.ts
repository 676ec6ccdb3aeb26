import { t } from 'tap';
import { createPlacement, epoch, type FileId, fileIdOf, laneOf, lanesOf, RingMember } from '../src/index.js';

const fileId = (version: string) =>
  fileIdOf({ datasetId: 1, key: 'k', version, size: 1, blockBytes: 4 << 20 });
const member = (id: string) => ({ id, host: 'h', port: 1, hostId: 'x', weight: 1 });

t.test('golden lanes: every release must agree', async (t) => {
  const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex').toString('latin1') as FileId;
  const lanes = [0, 1, 2, 3, 4, 5, 6, 7, 1000, 4294967295].map((block) => laneOf(id, block, 8));
  t.same(lanes, [5, 4, 0, 4, 5, 3, 3, 5, 7, 7]);
  t.equal(laneOf(id, 77, 1), 0);
});

t.test('the blocks of each worker are spread over its lanes evenly', async (t) => {
  const members = ['a', 'b', 'c', 'd', 'e'].map(member);
  const { rank } = createPlacement({ epoch: epoch(1), members });
  for (const lanes of [2, 3, 8]) {
    const counts = new Map(members.map(({ id }) => [id, new Array<number>(lanes).fill(0)]));
    const files = 50;
    const blocks = 1000;
    for (let file = 0; file < files; file++) {
      for (let block = 0; block < blocks; block++) {
        const [owner] = rank(fileId(`${file}`), block, 1);
        counts.get(owner!.id)![laneOf(fileId(`${file}`), block, lanes)]!++;
      }
    }
    for (const [id, counted] of counts) {
      const expected = counted.reduce((sum, n) => sum + n, 0) / lanes;
      // Four standard deviations of a binomial, in round figures.
      const slack = 4 * Math.sqrt(expected);
      for (const n of counted) t.ok(Math.abs(n - expected) < slack, `${id}: ${n} of ${expected} in ${lanes}`);
    }
  }
});

t.test('a worker of one lane says nothing of lanes', async (t) => {
  t.same(lanesOf(member('a')), [{ port: 1 }]);
  t.same(lanesOf({ ...member('a'), unixPath: '/s' }), [{ port: 1, unixPath: '/s' }]);
  const lanes = [{ port: 1, unixPath: '/s' }, { port: 2 }];
  t.same(lanesOf(RingMember.parse({ ...member('a'), lanes })), lanes);
  t.throws(() => RingMember.parse({ ...member('a'), lanes: [{ port: 1 }] }), 'one lane is none');
  t.throws(() => RingMember.parse({ ...member('a'), lanes: Array(65).fill({ port: 1 }) }), 'too many');
});
