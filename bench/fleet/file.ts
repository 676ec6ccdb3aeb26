/** The files that a fleet reads: named by what they hold, so that every process can make and check their bytes. */
import { type Content, chunksOf, generated } from '@tidecache/test';

export const BUCKET = 'fleet';

export interface FleetFile {
  readonly key: string;
  readonly size: number;
}

export const contentOf = ({ key, size }: FleetFile): Content => generated(key, size);

/** All of its bytes. */
export const expectedBytes = (file: FleetFile): Buffer => Buffer.concat([...chunksOf(contentOf(file))]);
