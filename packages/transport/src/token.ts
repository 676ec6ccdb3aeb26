import { createHmac } from 'node:crypto';

/** The bearer token of the master's HTTP API: follows from the shared secret, and does not reveal it. */
export function httpToken(secret: string): string {
  return createHmac('sha256', secret).update('tidecache-http-v1').digest('hex');
}
