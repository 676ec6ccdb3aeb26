import { TidecacheError } from '@tidecache/protocol';
import type { OriginOptions } from '../api.js';
import type { ObjectStoreDriver } from '../object-store/driver.js';

export async function openOss(bucket: string, _options: OriginOptions): Promise<ObjectStoreDriver> {
  throw new TidecacheError('UNSUPPORTED', `oss://${bucket} is not written yet`);
}
