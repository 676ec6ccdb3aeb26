import { UsageError } from '../errors.js';

/** A host name or address, and a TCP port; 0 where any free one will do. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[::1]:port`. Throws INVALID with the reason. */
export function parseEndpoint(written: string): Endpoint {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(written);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host) throw new UsageError(`'${written}' is not HOST:PORT, such as 127.0.0.1:7440 or [::1]:7440`);
  if (port > 65535) throw new UsageError(`'${written}': a port is at most 65535`);
  return { host, port };
}

/** The inverse of {@link parseEndpoint}. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
