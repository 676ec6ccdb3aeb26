/** Gathers what the HTTP API shows. */
import { type Dataset, RELEASE } from '@tidecache/protocol';
import type { Members } from '../members/members.js';
import type { Subscribers } from '../rpc/subscribers.js';
import type { Datasets } from '../tree/datasets.js';
import type { Tree } from '../tree/tree.js';
import type { DatasetReport, DatasetsReport, StatusReport, WorkersReport } from './shapes.js';

export interface ReportsInit {
  readonly tree: Tree;
  readonly datasets: Datasets;
  readonly members: Members;
  readonly subscribers: Subscribers;
  readonly startedMs: number;
}

export class Reports {
  readonly #init: ReportsInit;

  constructor(init: ReportsInit) {
    this.#init = init;
  }

  dataset(dataset: Dataset): DatasetReport {
    return { ...dataset, inodes: this.#init.tree.inodeCount(dataset.id) };
  }

  datasets(): DatasetsReport {
    const { generation, datasets } = this.#init.datasets.list();
    return { generation, datasets: datasets.map((dataset) => this.dataset(dataset)) };
  }

  workers(): WorkersReport {
    const { members, tree } = this.#init;
    const now = tree.now();
    const workers = members.list().map(({ heardMs, ...rest }) => ({ ...rest, silentMs: now - heardMs }));
    return { epoch: members.ring.epoch, workers };
  }

  status(): StatusReport {
    const { tree, members, subscribers, startedMs } = this.#init;
    const { epoch, workers } = this.workers();
    return {
      clusterId: tree.store.clusterId,
      release: RELEASE,
      uptimeMs: tree.now() - startedMs,
      epoch,
      settled: members.settled,
      clients: subscribers.clients(),
      workers,
      datasets: this.datasets().datasets,
    };
  }
}
