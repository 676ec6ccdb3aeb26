import { TidecacheError } from '@tidecache/protocol';
import type { Address } from './api.js';

/** `host:port`, `[v6]:port` or `unix:/path`: how messages name an address. */
export function addressText(address: Address): string {
  if ('unixPath' in address) return `unix:${address.unixPath}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Bytes of a Unix-domain socket's path: sun_path of Linux, its closing 0 apart. */
const MAX_UNIX_PATH_BYTES = 107;

/** Throws INVALID for an address that no socket can have. Port 0 is for servers alone: any free one. */
export function checkAddress(address: Address, lowestPort = 1): void {
  if ('unixPath' in address) {
    const bytes = Buffer.byteLength(address.unixPath);
    if (bytes > 0 && bytes <= MAX_UNIX_PATH_BYTES) return;
    throw new TidecacheError(
      'INVALID',
      `the socket path ${address.unixPath} has ${bytes} bytes: 1 to ${MAX_UNIX_PATH_BYTES} are possible, choose a shorter one`,
    );
  }
  const { host, port } = address;
  if (host !== '' && Number.isInteger(port) && port >= lowestPort && port <= 65_535) return;
  throw new TidecacheError(
    'INVALID',
    `${addressText(address)} is no address: give HOST:PORT, ports from ${lowestPort} to 65535`,
  );
}
