/** TEMPORARY: the factories' shapes, until their packages export them. */
import type { Client } from '@tidecache/client';
import type { Mount } from '@tidecache/fuse-client';
import type { Endpoint } from './config/endpoint.js';
import type { Logger } from './logger.js';

interface Parts {
  startMaster(init: {
    dataDir: string;
    listen: Endpoint;
    http: Endpoint;
    secret: string;
    logger?: Logger;
  }): Promise<{ rpc: Endpoint; http: Endpoint; close(): Promise<void> }>;
  startWorker(init: {
    id?: string;
    master: Endpoint;
    listen: Endpoint;
    unixPath?: string;
    advertiseHost?: string;
    memoryBytes: number;
    secret: string;
    http?: Endpoint;
    logger?: Logger;
  }): Promise<{ id: string; address: Endpoint; http?: Endpoint; close(): Promise<void> }>;
  connectClient(init: {
    master: Endpoint;
    secret: string;
    name: string;
    bufferBytes?: number;
    logger?: Logger;
  }): Promise<Client>;
  mountClient(init: {
    client: Client;
    mountPoint: string;
    transport: 'kernel' | 'fuse-native';
    logger?: Logger;
  }): Promise<Mount>;
  httpToken(secret: string): string;
}
export async function parts(name: string): Promise<Parts> {
  return (await import(name)) as Parts;
}
