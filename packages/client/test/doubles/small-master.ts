/** A master behind the real transport: files in the root, a ring that can be changed. */
import { type InodeRecord, type Ring, ROOT_INODE, TidecacheError } from '@tidecache/protocol';
import { listen, pushTo, type Server, type ServerConnection, serve } from '@tidecache/transport';
import { DATASET, ROOT } from './fake-master.js';

export interface SmallMaster {
  readonly host: string;
  readonly port: number;
  readonly server: Server;
  readonly stale: number[];
  setRing(ring: Ring): void;
}

export async function startSmallMaster(
  secret: string,
  files: ReadonlyMap<string, InodeRecord>,
  ring: Ring,
  port = 0,
): Promise<SmallMaster> {
  const stale: number[] = [];
  const attached = new Set<ServerConnection>();
  const byIno = new Map([...files.values(), ROOT].map((record) => [record.ino, record]));
  const find = (ino: number): InodeRecord => {
    const record = byIno.get(ino);
    if (!record) throw new TidecacheError('NOT_FOUND', `no inode ${ino}`);
    return record;
  };
  let now = ring;
  const handler = serve({
    ATTACH: (_request, { connection }) => {
      attached.add(connection);
      connection.onClose(() => attached.delete(connection));
      return { clusterId: 'small', ring: now, datasets: { generation: 1, datasets: [DATASET] } };
    },
    LOOKUP: ({ parent, name }) => {
      const inode = files.get(name);
      if (parent !== ROOT_INODE || !inode) throw new TidecacheError('NOT_FOUND', `no ${name}`);
      return { name, inode, validMs: 60_000 };
    },
    GETATTR: ({ ino }) => ({ inode: find(ino) }),
    OPEN: ({ ino }) => ({ inode: find(ino) }),
    STALE: ({ ino }) => {
      stale.push(ino);
      return undefined;
    },
  });
  const server = await listen({ addresses: [{ host: '127.0.0.1', port }], secret, name: 'master', handler });
  const address = server.addresses[0]!;
  if (!('port' in address)) throw new Error('no TCP address');
  return {
    host: address.host,
    port: address.port,
    server,
    stale,
    setRing(ring) {
      now = ring;
      for (const connection of attached) pushTo(connection, 'RING', ring);
    },
  };
}
