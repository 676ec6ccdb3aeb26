import {
  type DatasetList,
  HEARTBEAT_MS,
  LEASE_MS,
  type RequestOf,
  TidecacheError,
} from '@tidecache/protocol';
import { listen, pushTo, type Server, type ServerConnection, serve } from '@tidecache/transport';
import { datasets } from './fixture.js';

/** What a worker needs of a master, over a real socket. */
export interface FakeMaster {
  readonly host: string;
  readonly port: number;
  readonly registrations: RequestOf<'REGISTER'>[];
  readonly left: string[];
  refuseWith: TidecacheError | undefined;
  push(list: DatasetList): void;
  close(): Promise<void>;
}

export async function startFakeMaster(init: {
  secret: string;
  port?: number;
  list?: DatasetList;
}): Promise<FakeMaster> {
  const known = new Set<string>();
  const workers = new Set<ServerConnection>();
  let list = init.list ?? datasets();
  let server: Server;
  const master = {
    host: '127.0.0.1',
    port: 0,
    registrations: [] as RequestOf<'REGISTER'>[],
    left: [] as string[],
    refuseWith: undefined as TidecacheError | undefined,
    push(next: DatasetList) {
      list = next;
      for (const worker of workers) pushTo(worker, 'DATASETS', list);
    },
    close: () => server.close(0),
  };
  server = await listen({
    addresses: [{ host: '127.0.0.1', port: init.port ?? 0 }],
    secret: init.secret,
    name: 'master',
    handler: serve({
      REGISTER: (request, { connection }) => {
        if (master.refuseWith) throw master.refuseWith;
        master.registrations.push(request);
        known.add(request.member.id);
        workers.add(connection);
        connection.onClose(() => workers.delete(connection));
        return { clusterId: 'c', leaseMs: LEASE_MS, heartbeatMs: HEARTBEAT_MS, datasets: list };
      },
      HEARTBEAT: ({ workerId }) => {
        if (!known.has(workerId))
          throw new TidecacheError('NOT_FOUND', `worker ${workerId} has no lease here`);
        return { epoch: 1, generation: list.generation };
      },
      LEAVE: ({ workerId }) => {
        master.left.push(workerId);
        return undefined;
      },
    }),
  });
  const [address] = server.addresses;
  if (address && 'port' in address) master.port = address.port;
  return master;
}
