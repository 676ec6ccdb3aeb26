/** What the worker's main thread and a lane's thread tell each other. Small and rare: bytes of blocks never cross. */
import type { DatasetList, ErrorCode, Lane as LaneAddress, Ring } from '@tidecache/protocol';
import type { LaneInit } from '../lane.js';
import type { LaneStats } from '../stats.js';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export interface ThreadData {
  readonly init: LaneInit;
  /** Whether lines of that level are kept: there may be one a failed READ. */
  readonly debug: boolean;
}

export type ToLane =
  | { readonly type: 'datasets'; readonly list: DatasetList; readonly restarted: boolean }
  | { readonly type: 'ring'; readonly ring: Ring }
  | { readonly type: 'close' };

export type FromLane =
  | { readonly type: 'ready'; readonly addresses: readonly LaneAddress[]; readonly stats: LaneStats }
  /** It could not start. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'stats'; readonly stats: LaneStats }
  | { readonly type: 'log'; readonly level: Level; readonly fields: object; readonly message: string }
  | { readonly type: 'closed'; readonly stats: LaneStats };
