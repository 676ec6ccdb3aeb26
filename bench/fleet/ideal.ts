/** What the links allow: the report's hosts scaled down by one factor, and the best that anybody could do on them. */

/** Mbit/s. Origin : worker : client as 3 GB/s : 4 GB/s : 2 GB/s. */
export interface Links {
  readonly origin: number;
  readonly worker: number;
  readonly client: number;
}

/** The factor is chosen so that twenty full workers leave two cores time to spare. */
export const LINKS: Links = { origin: 45, worker: 60, client: 30 };

/** What TCP carries of a line on Ethernet: 1448 bytes of an Ethernet frame of 1514 are payload. */
export const TCP_SHARE = 1448 / 1514;

/** Bytes per second that TCP can carry over a line. */
export const goodput = (mbitPerSecond: number): number => (mbitPerSecond * 1e6 * TCP_SHARE) / 8;

/** Bytes per second that `clients` get together at best from `workers` that hold everything. */
export const idealCached = (links: Links, workers: number, clients: number): number =>
  Math.min(workers * goodput(links.worker), clients * goodput(links.client));

/** The same straight from the origin. */
export const idealDirect = (links: Links, clients: number): number =>
  Math.min(goodput(links.origin), clients * goodput(links.client));
