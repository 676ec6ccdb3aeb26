/** What the eviction policy knows of a block. A block extends it: a list node of its own would cost memory. */
export class Entry {
  readonly key: string;
  /** Bytes in memory. Changed through the policy alone once the entry is in it. */
  heldBytes = 0;
  /** While positive, the entry is not evicted: it is being filled, waited for, or sent. */
  pins = 0;
  /** Readings since it came, at most {@link MAX_FREQUENCY}. */
  frequency = 0;
  /** Bytes read that do not make a reading yet. Negative: the reading that filled it does not count. */
  credit = 0;
  /** A replica: its owner has it too, so it leaves when its turn comes, however often it was read. */
  replica = false;
  /** The queue that it stands in. */
  queue: Counted | undefined;
  newer: Entry | undefined;
  older: Entry | undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/** What an entry knows of its queue. */
export interface Counted {
  /** Held by all entries of the queue. */
  bytes: number;
  remove(entry: Entry): void;
}

export const MAX_FREQUENCY = 3;
