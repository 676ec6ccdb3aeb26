import { t } from 'tap';
import { Entry } from '../../src/eviction/entry.js';
import { S3Fifo } from '../../src/eviction/s3-fifo.js';
import { GHOST_GRAIN_BYTES } from '../../src/limits.js';
import { seeded } from '../support/random.js';

const SIZE = 1 << 20;

function entryOf(key: string, bytes = SIZE): Entry {
  const entry = new Entry(key);
  entry.heldBytes = bytes;
  return entry;
}

/** A cache of `capacity` entries over a policy; answers whether `key` was there. */
function s3Cache(capacity: number) {
  const policy = new S3Fifo(capacity * SIZE);
  const entries = new Map<string, Entry>();
  return (key: string): boolean => {
    const known = entries.get(key);
    if (known) policy.touch(known, SIZE, false);
    else {
      while (entries.size >= capacity) entries.delete(policy.evict()!.key);
      const entry = entryOf(key);
      entries.set(key, entry);
      policy.insert(entry);
      policy.touch(entry, SIZE, false);
    }
    return known !== undefined;
  };
}

function listCache(capacity: number, movesOnHit: boolean) {
  const keys = new Set<string>();
  return (key: string): boolean => {
    const known = keys.has(key);
    if (known && movesOnHit) keys.delete(key);
    keys.add(key);
    for (const oldest of keys) {
      if (keys.size <= capacity) break;
      keys.delete(oldest);
    }
    return known;
  };
}

t.test('keeps what is read again through a scan, where FIFO and LRU lose it', async (t) => {
  const random = seeded();
  const caches = { s3: s3Cache(200), fifo: listCache(200, false), lru: listCache(200, true) };
  const hits = { s3: 0, fifo: 0, lru: 0 };
  let hot = 0;
  let scanned = 0;
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 400; i++) {
      const key = `hot${random.below(120)}`;
      hot++;
      for (const name of ['s3', 'fifo', 'lru'] as const) if (caches[name](key)) hits[name]++;
    }
    for (let i = 0; i < 400; i++) {
      const key = `scan${scanned++}`;
      for (const cache of Object.values(caches)) cache(key);
    }
  }
  const ratio = { s3: hits.s3 / hot, fifo: hits.fifo / hot, lru: hits.lru / hot };
  t.comment(JSON.stringify(ratio));
  t.ok(ratio.s3 > 0.95, 'the hot set stays');
  t.ok(ratio.s3 > ratio.lru + 0.1 && ratio.s3 > ratio.fifo + 0.1);
});

t.test('one sequential pass in many requests is one reading, and does not count', async (t) => {
  const policy = new S3Fifo(10 * SIZE);
  const pass = (entry: Entry) => {
    for (let i = 0; i < 8; i++) policy.touch(entry, SIZE / 8, false);
  };
  const entry = entryOf('a');
  policy.insert(entry);
  pass(entry);
  t.equal(entry.frequency, 0, 'the pass that made it come');
  pass(entry);
  t.equal(entry.frequency, 1);
  for (let i = 0; i < 9; i++) pass(entry);
  t.equal(entry.frequency, 3, 'at most');
});

t.test('a random request is a reading, however short', async (t) => {
  const policy = new S3Fifo(10 * SIZE);
  const entry = entryOf('a');
  policy.insert(entry);
  policy.touch(entry, 4096, true);
  t.equal(entry.frequency, 0);
  policy.touch(entry, 4096, true);
  t.equal(entry.frequency, 1);
});

t.test('what comes back while the ghost remembers it goes to the main queue', async (t) => {
  const policy = new S3Fifo(10 * SIZE);
  const first = entryOf('a');
  policy.insert(first);
  policy.insert(entryOf('b'));
  t.equal(policy.evict()?.key, 'a');
  policy.insert(entryOf('a'));
  policy.insert(entryOf('c'));
  t.equal(policy.evict()?.key, 'b', 'the small queue, in order');
  t.equal(policy.evict()?.key, 'a', 'then the small queue is within its share: the main one');
  t.equal(policy.evict()?.key, 'c');
  t.equal(policy.evict(), undefined);
});

t.test('replicas, however often they are read, leave the main queue alone', async (t) => {
  const policy = new S3Fifo(20 * SIZE);
  const read = (entry: Entry) => {
    for (let i = 0; i < 5; i++) policy.touch(entry, SIZE, false);
  };
  const owned = Array.from({ length: 18 }, (_, i) => entryOf(`owned ${i}`));
  for (const entry of owned) {
    policy.insert(entry);
    read(entry);
  }
  // Every one of them is in the main queue by the end of this.
  const once = entryOf('once');
  policy.insert(once);
  t.equal(policy.evict(), once);
  const replicas = Array.from({ length: 10 }, (_, i) => entryOf(`replica ${i}`));
  for (const [i, entry] of replicas.entries()) {
    entry.replica = true;
    policy.insert(entry);
    read(entry);
    if (i >= 2) t.equal(policy.evict(), replicas[i - 2], 'the oldest goes');
  }
  const again = entryOf('replica 0');
  policy.insert(again);
  t.equal(policy.evict(), replicas[8], 'and is not remembered');
});

t.test('pinned entries are never victims', async (t) => {
  const policy = new S3Fifo(10 * SIZE);
  const entries = ['a', 'b', 'c'].map((key) => entryOf(key));
  for (const entry of entries) policy.insert(entry);
  entries[0]!.pins = 1;
  t.equal(policy.evict()?.key, 'b');
  t.equal(policy.evict()?.key, 'c');
  t.equal(policy.evict(), undefined);
  entries[0]!.pins = 0;
  t.equal(policy.evict()?.key, 'a');
  t.equal(policy.bytes, 0);
});

/** The same rules over plain arrays, oldest first. */
class Model {
  small: Entry[] = [];
  main: Entry[] = [];
  ghost: [string, number][] = [];
  constructor(readonly capacity: number) {}

  insert(entry: Entry): void {
    const isGhost = this.ghost.some(([key]) => key === entry.key);
    this.ghost = this.ghost.filter(([key]) => key !== entry.key);
    (isGhost ? this.main : this.small).push(entry);
  }

  evict(): string | undefined {
    const small = bytesOf(this.small) > this.capacity * 0.1;
    return small ? (this.fromSmall() ?? this.fromMain()) : (this.fromMain() ?? this.fromSmall());
  }

  fromSmall(): string | undefined {
    for (const entry of [...this.small]) {
      this.small.shift();
      if (entry.pins > 0) this.small.push(entry);
      else if (entry.frequency > 1) this.main.push(entry);
      else {
        this.ghost.push([entry.key, entry.heldBytes]);
        const maxKeys = Math.ceil(this.capacity / GHOST_GRAIN_BYTES);
        const tooBig = () => this.ghost.reduce((sum, [, b]) => sum + b, 0) > this.capacity * 0.9;
        while (tooBig() || this.ghost.length > maxKeys) this.ghost.shift();
        return entry.key;
      }
    }
    return undefined;
  }

  fromMain(): string | undefined {
    if (this.main.every((entry) => entry.pins > 0)) {
      return undefined;
    }
    for (;;) {
      const entry = this.main.shift()!;
      if (entry.pins > 0) this.main.push(entry);
      else if (entry.frequency > 0) this.main.push(Object.assign(entry, { frequency: entry.frequency - 1 }));
      else return entry.key;
    }
  }
}
const bytesOf = (entries: Entry[]) => entries.reduce((sum, { heldBytes }) => sum + heldBytes, 0);

t.test('agrees with a simple model on every victim', async (t) => {
  const random = seeded();
  const capacity = 40 * SIZE;
  const policy = new S3Fifo(capacity);
  const model = new Model(capacity);
  const pairs = new Map<string, [Entry, Entry]>();
  let evicted = 0;
  for (let i = 0; i < 30_000; i++) {
    const key = `k${random.below(120)}`;
    const pair = pairs.get(key);
    if (pair) {
      const whole = random.chance(0.5);
      if (random.chance(0.1)) policy.resize(pair[0], 4096);
      policy.touch(pair[0], 1 + random.below(pair[0].heldBytes), whole);
      pair[1].heldBytes = pair[0].heldBytes;
      pair[1].frequency = pair[0].frequency;
      if (random.chance(0.02)) for (const entry of pair) entry.pins = 1 - entry.pins;
      if (random.chance(0.01)) {
        policy.remove(pair[0]);
        model.small = model.small.filter((entry) => entry !== pair[1]);
        model.main = model.main.filter((entry) => entry !== pair[1]);
        pairs.delete(key);
      }
      continue;
    }
    const bytes = 4096 * (1 + random.below(1024));
    while (policy.bytes + bytes > capacity) {
      // When all that is left is pinned, the queues may still have turned: the frequencies are compared by victims alone.
      const victim = policy.evict()?.key;
      const expected = model.evict();
      if (victim !== expected) return t.fail(`victim ${victim}, the model's is ${expected}, at step ${i}`);
      if (victim === undefined) {
        for (const pair of pairs.values()) for (const entry of pair) entry.pins = 0;
      } else {
        evicted++;
        pairs.delete(victim);
      }
    }
    const entries: [Entry, Entry] = [entryOf(key, bytes), entryOf(key, bytes)];
    pairs.set(key, entries);
    policy.insert(entries[0]);
    model.insert(entries[1]);
    if (policy.bytes > capacity) return t.fail('over the capacity');
    if (policy.count !== pairs.size) return t.fail('entries were lost');
  }
  t.ok(evicted > 1000, `${evicted} victims agree`);
});
