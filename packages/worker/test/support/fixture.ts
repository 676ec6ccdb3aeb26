import {
  type DatasetList,
  DEFAULT_BLOCK_BYTES,
  encodeRead,
  encodeSource,
  fileIdOf,
  MiB,
  OPCODES,
  type Source,
} from '@tidecache/protocol';
import type { Address, Peer } from '@tidecache/transport';
import { Counters } from '../../src/counters.js';
import { type Limits, limitsFor } from '../../src/limits.js';
import { SILENT } from '../../src/logger.js';
import { Origins } from '../../src/origins.js';
import { ReadHandler } from '../../src/serve/read-handler.js';
import { Neighbours } from '../../src/spread/neighbours.js';
import { BlockStore } from '../../src/store.js';
import { contentOf } from './content.js';
import { FakeConnection, FakeExchange } from './fake-exchange.js';
import { FakeOrigin, settle } from './fake-origin.js';

export const DATASET = 7;

export function datasets(generation = 1, uri = 'fake://'): DatasetList {
  const dataset = {
    id: DATASET,
    path: '/d',
    uri,
    readOnly: true,
    metadata: 'once' as const,
    blockBytes: DEFAULT_BLOCK_BYTES,
    options: {},
  };
  return { generation, datasets: [dataset] };
}

export function sourceOf(key: string, size: number, changes: Partial<Source> = {}): Source {
  return { datasetId: DATASET, key, version: 'v1', size, blockBytes: DEFAULT_BLOCK_BYTES, ...changes };
}

/** The bytes that a file has at its fake origin. */
export const bytesOf = (source: Source, offset: number, length: number): Buffer =>
  contentOf(`${source.key}@${source.version}`, offset, length);

export interface Ask {
  readonly block?: number;
  readonly offset: number;
  readonly length: number;
  readonly flags?: number;
  /** The replies are sent when the test says so. */
  readonly hold?: boolean;
  /** Asks for a mapped answer on this connection. */
  readonly lease?: number;
  readonly connection?: FakeConnection;
  /** The connection's remote end. */
  readonly reader?: string;
}

export function readBody(source: Source, { block = 0, offset, length, flags = 0, lease = 0 }: Ask): Buffer {
  return encodeRead({
    lease,
    fileId: fileIdOf(source),
    blockIndex: block,
    offset,
    length,
    flags,
    source: encodeSource(source),
  });
}

/** A worker without sockets: the parts that serve a READ, over a fake origin. */
export function fixture(
  init: {
    memoryBytes?: number;
    auto?: boolean;
    limits?: Partial<Limits>;
    id?: string;
    connect?: (address: Address) => Peer;
    now?: () => number;
  } = {},
) {
  const fake = new FakeOrigin(init.auto ?? false);
  const memoryBytes = init.memoryBytes ?? 64 * MiB;
  const store = new BlockStore(memoryBytes);
  const counters = new Counters();
  const origins = new Origins(() => fake.origin, SILENT);
  origins.update(datasets());
  const limits = limitsFor(memoryBytes, init.limits);
  const connect =
    init.connect ??
    (() => {
      throw new Error('it has no neighbours');
    });
  const neighbours = new Neighbours({ id: init.id ?? 'w0', lane: 0, lanes: 1, connect });
  const now = init.now ?? (() => 0);
  const reads = new ReadHandler({ store, origins, neighbours, counters, limits, logger: SILENT, now });
  const ask = (source: Source, request: Ask): FakeExchange => {
    const body = readBody(source, request);
    const connection =
      request.connection ?? (request.reader ? new FakeConnection(request.reader) : undefined);
    const exchange = new FakeExchange(OPCODES.READ.wire, body, !request.hold, connection);
    reads.handle(exchange);
    return exchange;
  };
  /** Everything that was ever taken is back, but for the blocks in memory; then those too. */
  const drain = async (): Promise<number> => {
    const closed = reads.filler.close();
    for (const read of fake.pending) {
      if (read.aborted) await read.fail(new Error('aborted'));
    }
    await closed;
    await settle();
    for (const block of [...store.blocks()]) store.drop(block);
    store.pool.check();
    return store.pool.usedBytes;
  };
  return { fake, store, counters, origins, neighbours, reads, limits, ask, drain };
}
