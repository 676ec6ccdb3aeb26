/** `npm run bench -- NAME`: measures, and prints figures with their goals. Without a name it lists what there is. */
import { Command } from 'commander';
import { coldRead } from './cold-read.js';
import { fleet } from './fleet.js';
import { type Bench, printFigures } from './lab/figures.js';
import { baselineOf, movedLines, readResults, saveResults } from './lab/results.js';
import { metadata } from './metadata.js';
import { randomRead } from './random-read.js';
import { ring } from './ring.js';
import { scaleWorkers } from './scale-workers.js';
import { smallFiles } from './small-files.js';
import { warmRead } from './warm-read.js';
import { workerRanges } from './worker-ranges.js';

/** In the order in which `all` runs them. */
const benches: readonly Bench[] = [
  warmRead,
  coldRead,
  randomRead,
  smallFiles,
  metadata,
  workerRanges,
  ring,
  fleet,
  scaleWorkers,
];

const program = new Command('bench')
  .description(
    'Benchmarks of Tidecache. Each prints ratios against a peer or a floor measured in the same run.',
  )
  .option('--json', 'one JSON object a line for each figure')
  .option('--quick', 'fewer rounds: a look, not a result')
  .option('--save', 'keep the figures in bench/results/, as the result to commit')
  .action(() => {
    for (const { name, description } of benches) console.log(`${name.padEnd(16)} ${description}`);
    console.log(`${'all'.padEnd(16)} all of them, one after another`);
    console.log(`${'compare OLD NEW'.padEnd(16)} what moved between two files of JSON lines`);
  });

/** False when a goal was missed. */
async function measure(bench: Bench): Promise<boolean> {
  const { json, quick, save } = program.opts<{ json?: true; quick?: true; save?: true }>();
  const startedAt = performance.now();
  const files = new Map<string, string>();
  const figures = await bench.run({
    quick: quick === true,
    say: (line) => console.error(line),
    keep: (extension, text) => files.set(extension, text),
  });
  printFigures(figures, json === true);
  const moved = movedLines(baselineOf(bench.name), figures);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.error(
    `${bench.name}: ${seconds} s; against the committed result ${moved.length || 'nothing'} moved`,
  );
  for (const line of moved) console.error(`  ${line}`);
  if (save) saveResults(bench.name, figures, files);
  return figures.every(({ ok }) => ok !== false);
}

for (const bench of benches) {
  program
    .command(bench.name)
    .description(bench.description)
    .addHelpText('after', bench.method ? `\n${bench.method}` : '')
    .action(async () => {
      process.exitCode = (await measure(bench)) ? 0 : 1;
    });
}
program
  .command('all')
  .description('all of them, one after another')
  .action(async () => {
    for (const bench of benches) {
      console.error(`--- ${bench.name}`);
      // One that can't run here must not hide the others.
      const met = await measure(bench).catch((error: Error) =>
        console.error(`${bench.name}: ${error.message}`),
      );
      if (!met) process.exitCode = 1;
    }
  });
program
  .command('compare')
  .description('what moved between two files of JSON lines')
  .argument('<old>')
  .argument('<new>')
  .action((before: string, after: string) => {
    for (const line of movedLines(readResults(before), readResults(after))) console.log(line);
  });
try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`bench: ${(thrown as Error).message}`);
  process.exitCode = 1;
}
