import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { asTidecacheError } from '@tidecache/protocol';
import type { HostPort } from './api.js';

/**
 * The host that clients dial: the one that was given, or the one listened on. When that is any address of this host,
 * the one from which packets to the master leave: a datagram socket that is connected knows it, and sends nothing.
 */
export async function advertisedHost(
  given: string | undefined,
  listenHost: string,
  master: HostPort,
): Promise<string> {
  if (given) return given;
  if (listenHost !== '0.0.0.0' && listenHost !== '::') return listenHost;
  const doing = `cannot find this host's address towards the master ${master.host}:${master.port}`;
  try {
    const { address, family } = await lookup(master.host);
    return await addressTowards(address, family === 6 ? 'udp6' : 'udp4', master.port);
  } catch (thrown) {
    throw asTidecacheError(thrown, 'UNREACHABLE', `${doing} (give the host to advertise)`);
  }
}

function addressTowards(address: string, type: 'udp4' | 'udp6', port: number): Promise<string> {
  const socket = createSocket(type);
  return new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, () => resolve(socket.address().address));
  }).finally(() => socket.close());
}
