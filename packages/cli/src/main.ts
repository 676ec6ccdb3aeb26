/** The entry: this process's argv, environment and streams, handed to the program. */
import { run } from './program.js';
import { sendReport } from './report.js';

// Whoever read the answers may be gone (`tidecache dataset ls | head -1`).
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

process.exit(
  await run({
    argv: process.argv.slice(2),
    env: process.env,
    isTerminal: process.stderr.isTTY === true,
    ...(process.send && { report: sendReport }),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  }),
);
