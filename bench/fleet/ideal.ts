/** What the links allow: the report's hosts scaled down by one factor, and the best that anybody could do on them. */
import { MTU } from '../lab/hosts.js';

/** Mbit/s. Origin : worker : client as 3 GB/s : 4 GB/s : 2 GB/s. */
export interface Links {
  readonly origin: number;
  readonly worker: number;
  readonly client: number;
}

/** The factor is chosen so that twenty full workers leave two cores time to spare. */
export const LINKS: Links = { origin: 24, worker: 32, client: 16 };

const ETHERNET_HEADER_BYTES = 14;
/** IP, TCP and TCP's timestamps. */
const TCP_HEADER_BYTES = 52;
/** What TCP carries of a line. */
const TCP_SHARE = (MTU - TCP_HEADER_BYTES) / (MTU + ETHERNET_HEADER_BYTES);

/** Bytes per second that TCP can carry over a line. */
export const goodput = (mbitPerSecond: number): number => (mbitPerSecond * 1e6 * TCP_SHARE) / 8;

/** Bytes per second that `clients` get together at best from `workers` that hold everything. */
export const idealCached = (links: Links, workers: number, clients: number): number =>
  Math.min(workers * goodput(links.worker), clients * goodput(links.client));

/** The same straight from the origin. */
export const idealDirect = (links: Links, clients: number): number =>
  Math.min(goodput(links.origin), clients * goodput(links.client));
