/**
 * The images' health checks: status 0 healthy, 1 not, with the reason on one line.
 *
 *   health.mjs http VARIABLE    /healthz answers where VARIABLE (HOST:PORT, as the part listens) says
 *   health.mjs mount DIR        a FUSE file system is mounted on DIR, and answers
 */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { get } from 'node:http'; // lighter than fetch, for a process that starts every few seconds

const DEADLINE_MS = 5_000; // below the HEALTHCHECKs' own timeout, so that the reason is told

const [kind, what] = process.argv.slice(2);
try {
  await Promise.race([kind === 'mount' ? checkMount(what) : checkHttp(process.env[what]), deadline()]);
  process.exit(0);
} catch (error) {
  console.error(`not healthy: ${error.message}`);
  process.exit(1); // also with a call into a file system that does not answer
}

async function checkHttp(listen) {
  const port = /:(\d+)$/.exec(listen ?? '')?.[1];
  if (!port) throw new Error(`${what} is not HOST:PORT`);
  const status = await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/healthz' }, (answer) => resolve(answer.statusCode)).on(
      'error',
      reject,
    );
  });
  if (status !== 200) throw new Error(`/healthz answers ${status}`);
}

async function checkMount(dir) {
  const points = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  const isFuse = points.some((line) => line.split(' ')[4] === dir && / - fuse(\.\S+)? /.test(line));
  if (!isFuse) throw new Error(`nothing is mounted on ${dir}`);
  await statfs(dir);
}

function deadline() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
}
