/** The workers on the ring: a link to each of their lanes, and whom to ask for a block. */
import {
  createPlacement as createRealPlacement,
  createSpread,
  type FileId,
  laneOf,
  lanesOf,
  type Placement,
  type Ring,
  type RingMember,
  type Spread,
  type WorkerId,
  workerId,
} from '@tidecache/protocol';
import { WorkerLink, type WorkerLinkInit } from './worker-link.js';

export interface WorkerSetInit extends Omit<WorkerLinkInit, 'member'> {
  readonly createPlacement?: ((ring: Ring) => Placement) | undefined;
}

export class WorkerSet {
  readonly #init: WorkerSetInit;
  /** This client's own among all readers of a hot file: where several workers serve a block, it picks one. */
  readonly #phase: number;
  /** By worker, a link to each lane: each fails, and is probed, by itself. */
  readonly #links = new Map<WorkerId, readonly WorkerLink[]>();
  #placement: Placement | undefined;
  #spread: Spread | undefined;
  #closed = false;

  constructor(init: WorkerSetInit) {
    this.#init = init;
    this.#phase = init.random();
  }

  get size(): number {
    return this.#links.size;
  }

  /** Takes a new ring: links to who stayed are kept, links to who left are closed. */
  setRing(ring: Ring): void {
    if (this.#closed) return;
    this.#placement = (this.#init.createPlacement ?? createRealPlacement)(ring);
    this.#spread = createSpread(this.#placement);
    const members = new Map(ring.members.map((member) => [workerId(member.id), member]));
    for (const [id, links] of this.#links) {
      const member = members.get(id);
      if (member && sameAddresses(laneMembers(member), links)) continue;
      this.#links.delete(id);
      for (const link of links) link.close().catch(() => {});
    }
    for (const [id, member] of members) {
      if (this.#links.has(id)) continue;
      const links = laneMembers(member).map((lane) => new WorkerLink({ ...this.#init, member: lane }));
      this.#links.set(id, links);
    }
  }

  /** Whom to ask for a block of a hot file of `blocks` blocks; undefined when that worker is put aside. */
  spread(fileId: FileId, blocks: number, blockIndex: number): WorkerLink | undefined {
    const member = this.#spread?.pick(fileId, blocks, blockIndex, this.#phase);
    const link = member && this.#linkTo(member, fileId, blockIndex);
    return link?.aside ? undefined : link;
  }

  /**
   * Whom to ask next for a block: the first in the block's order that is not among `tried`. Workers that are put
   * aside are passed over, or with `desperate` asked all the same.
   */
  next(
    fileId: FileId,
    blockIndex: number,
    tried: ReadonlySet<WorkerId>,
    desperate: boolean,
  ): WorkerLink | undefined {
    if (!this.#placement) return undefined;
    let count = tried.size + 1;
    for (;;) {
      const ranked = this.#placement.rank(fileId, blockIndex, count);
      for (const member of ranked) {
        const link = this.#linkTo(member, fileId, blockIndex);
        if (link && !tried.has(link.id) && (desperate || !link.aside)) return link;
      }
      if (ranked.length < count) return undefined;
      // Rarely needed, so ranked anew: twice as many, to pass over those that are aside.
      count *= 2;
    }
  }

  /** The worker that would be asked for a file of one block, when its memory is mapped here. */
  lender(fileId: FileId): WorkerLink | undefined {
    const link = this.next(fileId, 0, NOBODY, false);
    return link?.mapping && link;
  }

  /** To the lane of a worker that a block belongs to. */
  #linkTo(member: RingMember, fileId: FileId, blockIndex: number): WorkerLink | undefined {
    const links = this.#links.get(workerId(member.id));
    return links?.[laneOf(fileId, blockIndex, links.length)];
  }

  async close(): Promise<void> {
    this.#closed = true;
    const links = [...this.#links.values()].flat();
    this.#links.clear();
    await Promise.allSettled(links.map((link) => link.close()));
  }
}

const NOBODY: ReadonlySet<WorkerId> = new Set();

/** A worker as its lanes: each as if it were a worker of one. */
const laneMembers = (member: RingMember): RingMember[] =>
  lanesOf(member).map(({ port, unixPath }) => ({ ...member, port, unixPath, lanes: undefined }));

const sameAddresses = (lanes: readonly RingMember[], links: readonly WorkerLink[]): boolean =>
  lanes.length === links.length && lanes.every((lane, i) => sameAddress(lane, links[i]!.member));

const sameAddress = (a: RingMember, b: RingMember): boolean =>
  a.host === b.host && a.port === b.port && a.unixPath === b.unixPath && a.hostId === b.hostId;
