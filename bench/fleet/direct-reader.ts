/**
 * The peer: reads an object straight from the origin with parallel ranged GETs over connections that stay open, and
 * compares the bytes: round and round until its time is up. One process for each client, in the client's host.
 */
import { Agent, request } from 'node:http';
import { expectedBytes, type FleetFile } from './file.js';
import { serveRaces } from './race.js';

export interface DirectTask {
  readonly file: FleetFile;
  readonly url: string;
  /** They sign any range of the object. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rangeBytes: number;
  readonly inFlight: number;
  /** It stops then, with what has arrived. */
  readonly forMs: number;
}

/** What it got, from the start to when its time was up. */
export interface DirectResult {
  readonly bytes: number;
  readonly seconds: number;
}

/** A capped link shared by a hundred clients is slow, but never silent for so long. */
const SILENCE_MS = 60_000;
const TRIES = 3;

await serveRaces<DirectTask, DirectResult>(async (task) => {
  const { size } = task.file;
  const expected = expectedBytes(task.file);
  const agent = new Agent({ keepAlive: true, maxSockets: task.inFlight });
  return async () => {
    const startedAt = performance.now();
    const timeIsUp = AbortSignal.timeout(task.forMs);
    let next = 0;
    let bytes = 0;
    const lane = async () => {
      while (!timeIsUp.aborted) {
        const from = next;
        const to = Math.min(from + task.rangeBytes, size);
        next = to % size;
        await getOrRetry(task, agent, expected.subarray(from, to), from, timeIsUp, (count) => {
          bytes += count;
        });
      }
    };
    await Promise.all(Array.from({ length: task.inFlight }, lane));
    const seconds = (performance.now() - startedAt) / 1000;
    agent.destroy();
    return { bytes, seconds };
  };
});

type Get = [
  task: DirectTask,
  agent: Agent,
  expected: Buffer,
  offset: number,
  timeIsUp: AbortSignal,
  onBytes: (count: number) => void,
];

/** A connection that broke is no failure of HTTP's: what came of the range is forgotten, and it is asked for again. */
async function getOrRetry(...[task, agent, expected, offset, timeIsUp, onBytes]: Get): Promise<void> {
  for (let tries = 1; ; tries++) {
    let got = 0;
    const counted = (count: number) => {
      got += count;
      onBytes(count);
    };
    try {
      await get(task, agent, expected, offset, timeIsUp, counted);
      return;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ECONNRESET' || tries === TRIES) throw thrown;
      onBytes(-got);
    }
  }
}

/** Resolves when the range is there, or `timeIsUp`. */
function get(...[{ url, headers }, agent, expected, offset, timeIsUp, onBytes]: Get): Promise<void> {
  const range = `bytes=${offset}-${offset + expected.length - 1}`;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => (timeIsUp.aborted ? resolve() : reject(error));
    const options = { agent, headers: { ...headers, range }, timeout: SILENCE_MS, signal: timeIsUp };
    const sent = request(url, options, (response) => {
      let at = 0;
      response.on('data', (piece: Buffer) => {
        if (expected.compare(piece, 0, piece.length, at, at + piece.length) !== 0)
          response.destroy(new Error(`wrong bytes within ${piece.length} from ${offset + at}`));
        at += piece.length;
        onBytes(piece.length);
      });
      response.on('error', fail);
      response.on('end', () => {
        if (response.statusCode === 206 && at === expected.length) resolve();
        else fail(new Error(`GET ${range}: status ${response.statusCode}, ${at} bytes`));
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`GET ${range}: silent for ${SILENCE_MS} ms`)));
    sent.on('error', fail);
    sent.end();
  });
}
