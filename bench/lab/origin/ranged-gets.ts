/**
 * The peer of a cold read: `ranged-gets URL SIZE BLOCK AT_ONCE` fetches an object by ranged GETs, that many at once,
 * with undici's dispatch, counts the bytes and drops them. Prints the seconds from the first request to the last byte.
 */
import { Agent } from 'undici';

const [target, size, block, atOnce] = process.argv.slice(2);
const url = new URL(target!);
const sizeBytes = Number(size);
const blockBytes = Number(block);
const agent = new Agent({ connections: Number(atOnce), pipelining: 1 });
let next = 0;
let got = 0;

function get(start: number): Promise<void> {
  const end = Math.min(sizeBytes, start + blockBytes) - 1;
  return new Promise((resolve, reject) => {
    agent.dispatch(
      { origin: url.origin, path: url.pathname, method: 'GET', headers: { range: `bytes=${start}-${end}` } },
      {
        onRequestStart: () => {}, // tells undici which kind of handler this is
        onResponseStart: (controller, status) => {
          if (status !== 206) controller.abort(new Error(`status ${status}`));
        },
        onResponseData: (_, chunk) => {
          got += chunk.length;
        },
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      },
    );
  });
}

async function lane(): Promise<void> {
  while (next < sizeBytes) {
    const start = next;
    next += blockBytes;
    await get(start);
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(atOnce) }, lane));
const seconds = (performance.now() - startedAt) / 1000;
if (got !== sizeBytes) throw new Error(`${got} of ${sizeBytes} bytes`);
console.log(seconds);
await agent.close();
