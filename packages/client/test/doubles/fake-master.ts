/** A master without a network: a flat directory of files, a ring, and counters. */
import {
  type Dataset,
  decodeBody,
  encodeBody,
  type InodeRecord,
  OPCODES,
  type OpcodeName,
  opcodeName,
  type Ring,
  ROOT_INODE,
  TidecacheError,
} from '@tidecache/protocol';
import type { Address, PeerEvents } from '@tidecache/transport';
import type { FakeClock } from './fake-clock.js';
import { type Behaviour, FakePeer } from './fake-peer.js';

export const DATASET: Dataset = {
  id: 1,
  path: '/data',
  uri: 's3://bucket/prefix',
  readOnly: true,
  metadata: 'once',
  blockBytes: 4 << 20,
  options: {},
};

export const ROOT: InodeRecord = { ino: ROOT_INODE, kind: 'directory', size: 0, mtimeMs: 0, mode: 0o755 };

export function fileRecord(ino: number, version: string, size: number, blockBytes = 4 << 20): InodeRecord {
  return {
    ino,
    kind: 'file',
    size,
    mtimeMs: 0,
    mode: 0o444,
    datasetId: 1,
    key: `file-${ino}`,
    version,
    blockBytes,
  };
}

export class FakeMaster {
  readonly calls: Partial<Record<OpcodeName, number>> = {};
  readonly inodes = new Map<number, InodeRecord>([[ROOT_INODE, ROOT]]);
  readonly names = new Map<string, number>();
  /** Inodes that a client reported. */
  readonly reported: number[] = [];
  readonly gone = new Set<number>();
  clusterId = 'cluster';
  ring: Ring = { epoch: 1, members: [] };
  datasets: Dataset[] = [DATASET];
  validMs = 60_000;
  latencyMs = 1;
  /** Nothing is answered while the master is away. */
  away = false;
  events: PeerEvents | undefined;
  peer: FakePeer | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  addFile(record: InodeRecord): void {
    this.inodes.set(record.ino, record);
    this.names.set(`file-${record.ino}`, record.ino);
  }

  connect(address: Address, events?: PeerEvents): FakePeer {
    this.events = events;
    this.peer = new FakePeer(address, this.#clock, this.#behave, events);
    return this.peer;
  }

  /** The connection ends. Requests wait, as patient ones do, until {@link comeBack}. */
  leave(): void {
    this.away = true;
    this.events?.onDisconnected?.(new TidecacheError('UNREACHABLE', 'the master went away'));
  }

  comeBack(): void {
    this.away = false;
    this.events?.onConnected?.();
  }

  push(name: 'RING' | 'DATASETS' | 'INVALIDATE', value: unknown): void {
    this.events?.onPush?.(OPCODES[name].wire, encodeBody(value));
  }

  pushRing(ring: Ring): void {
    this.ring = ring;
    this.push('RING', ring);
  }

  readonly #behave: Behaviour = (call) => {
    const name = opcodeName(call.opcode)!;
    const answer = () => {
      if (this.away) {
        this.#clock.after(50, answer);
        return;
      }
      if (call.settled) return;
      this.calls[name] = (this.calls[name] ?? 0) + 1;
      try {
        call.reply(encodeBody(this.#answer(name, call.body)));
      } catch (error) {
        call.fail(error as TidecacheError);
      }
    };
    this.#clock.after(this.latencyMs, answer);
  };

  #answer(name: OpcodeName, body: Buffer): unknown {
    const row = OPCODES[name];
    if (row.request === null) throw new TidecacheError('UNSUPPORTED', name);
    const request = decodeBody<unknown>(row.request, body, name) as Record<string, unknown>;
    switch (name) {
      case 'ATTACH':
        return {
          clusterId: this.clusterId,
          ring: this.ring,
          datasets: { generation: 1, datasets: this.datasets },
        };
      case 'LOOKUP': {
        const ino = this.names.get(request.name as string);
        if (request.parent !== ROOT_INODE || ino === undefined) {
          throw new TidecacheError('NOT_FOUND', `no ${request.name}`);
        }
        return { name: request.name, inode: this.inodes.get(ino), validMs: this.validMs };
      }
      case 'GETATTR':
        return { inode: this.#record(request.ino as number) };
      case 'OPEN':
        return { inode: this.#record(request.ino as number) };
      case 'READDIR': {
        const entries = [...this.names].map(([entry, ino]) => {
          return { name: entry, inode: this.inodes.get(ino), validMs: this.validMs };
        });
        return { entries: entries.slice(0, request.limit as number), validMs: this.validMs };
      }
      case 'STALE':
        this.reported.push(request.ino as number);
        return undefined;
      default:
        throw new TidecacheError('UNSUPPORTED', name);
    }
  }

  #record(ino: number): InodeRecord {
    const record = this.inodes.get(ino);
    if (!record) throw new TidecacheError('NOT_FOUND', `no inode ${ino}`);
    if (this.gone.has(ino)) throw new TidecacheError('STALE', `inode ${ino} is gone`);
    return record;
  }
}
