import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names this host and network namespace: two processes with the same id reach each other over loopback, and may try a
 * Unix-domain socket. Boot id and namespace inode on Linux; the host's name elsewhere.
 */
export function hostId(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return `host:${hostname()}`;
  }
}
