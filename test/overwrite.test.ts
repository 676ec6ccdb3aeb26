/**
 * The object is overwritten while it is being read: ESTALE or the old bytes whole, never a mix, and a new open sees the
 * new version. 1 000 seeded trials through a real mount over S3.
 */
process.env.UV_THREADPOOL_SIZE = '16';

import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from 'tap';
import { Cluster, type Content, generated, Scratch, seededRandom, startS3, whyNoMount } from './lab/index.js';

const TRIALS = 1000;
const LANES = 8;
/** Small enough to count as a look-up: then a worker fetches the pages asked for alone. */
const STEP_BYTES = 24 << 10;
const SEED = Number(process.env.SEED ?? 1);

t.test(
  `overwritten while read, seed ${SEED}`,
  { skip: whyNoMount() ?? false, timeout: 170_000 },
  async (t) => {
    const scratch = new Scratch('overwrite');
    t.teardown(() => scratch.clean());
    const s3 = await startS3(scratch, ['versions']);
    const cluster = await Cluster.start(scratch, { workers: 2, memory: '128MiB' });
    await cluster.addDataset('/data', 's3://versions', '--metadata', 'always', ...s3.flags);
    const { dir } = await cluster.mount();
    const count = { whole: 0, stale: 0 };
    const wrong: string[] = [];

    const lane = async (laneIndex: number) => {
      const key = `object-${laneIndex}`;
      const path = join(dir, 'data', key);
      for (let trial = laneIndex; trial < TRIALS; trial += LANES) {
        const random = seededRandom(SEED * 1_000_003 + trial);
        const older = generated(`old ${trial}`, 1 + Math.floor(random() * (3 << 19)));
        const newer = generated(`new ${trial}`, 1 + Math.floor(random() * (3 << 19)));
        await s3.put('s3://versions', key, older);
        const ended = await readWhileWriting(path, older, random, () => s3.put('s3://versions', key, newer));
        if (ended === 'mixed') wrong.push(`trial ${trial}: the old handle saw other bytes`);
        else count[ended]++;
        const after = await readFile(path);
        if (!after.equals(newer.read(0, newer.size)))
          wrong.push(`trial ${trial}: a new open does not see the new version`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
    t.same(wrong, [], `never a mix in ${TRIALS} trials`);
    t.equal(count.whole + count.stale, TRIALS);
    t.ok(count.whole > 0 && count.stale > 0, `both ends were met: ${JSON.stringify(count)}`);
  },
);

/**
 * Reads all of `content`; half-way through, somewhere, the object is replaced. Half of the readers go from start to
 * end, whose blocks may all be on their way before; the others jump about in small steps, of which each asks anew.
 */
async function readWhileWriting(
  path: string,
  content: Content,
  random: () => number,
  replace: () => Promise<void>,
): Promise<'whole' | 'stale' | 'mixed'> {
  const handle = await open(path);
  const steps = random() < 0.5 ? sequential(content.size, random) : shuffled(content.size, random);
  const replaceAt = Math.floor(random() * steps.length);
  let replacing: Promise<void> | undefined;
  try {
    for (const [i, { offset, length }] of steps.entries()) {
      if (i === replaceAt) {
        replacing = replace();
        if (random() < 0.5) await replacing; // else it races with the reads below
      }
      // A read may be short: the pages that were there, before the one that is stale. The next one tells.
      for (let at = offset; at < offset + length; ) {
        const wanted = offset + length - at;
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, at);
        if (bytesRead === 0 || !buffer.subarray(0, bytesRead).equals(content.read(at, bytesRead)))
          return 'mixed';
        at += bytesRead;
      }
    }
    return 'whole';
  } catch (thrown) {
    const { code, errno } = thrown as NodeJS.ErrnoException;
    if (code === 'ESTALE' || errno === -116) return 'stale';
    throw thrown;
  } finally {
    await handle.close();
    await (replacing ?? replace());
  }
}

interface Step {
  readonly offset: number;
  readonly length: number;
}

function sequential(size: number, random: () => number): Step[] {
  const steps: Step[] = [];
  for (let offset = 0; offset < size; offset += steps.at(-1)!.length) {
    steps.push({ offset, length: Math.min(size - offset, 1 + Math.floor(random() * (256 << 10))) });
  }
  return steps;
}

function shuffled(size: number, random: () => number): Step[] {
  const steps: Step[] = [];
  for (let offset = 0; offset < size; offset += STEP_BYTES) {
    steps.push({ offset, length: Math.min(size - offset, STEP_BYTES) });
  }
  const keys = new Map(steps.map((step) => [step, random()]));
  return steps.sort((a, b) => keys.get(a)! - keys.get(b)!);
}
