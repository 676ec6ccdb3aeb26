/** The verbs, in the order of the help. */
import type { Verb } from '../verb.js';
import { datasetLs, datasetRm, datasetShow } from './dataset.js';
import { datasetAdd } from './dataset-add.js';
import { master } from './master.js';
import { mount } from './mount.js';
import { status } from './status.js';
import { up } from './up.js';
import { worker } from './worker.js';

export const VERBS: readonly Verb[] = [
  up,
  master,
  worker,
  mount,
  datasetAdd,
  datasetLs,
  datasetShow,
  datasetRm,
  status,
];
