/** `npm run bench -- NAME`: measures, and prints figures with their goals. Without a name it lists what there is. */
import { Command } from 'commander';
import { type Bench, printFigures } from './lab/figures.js';
import { warmRead } from './warm-read.js';

const benches: readonly Bench[] = [warmRead];

const program = new Command('bench')
  .description(
    'Benchmarks of Tidecache. Each prints ratios against a peer or a floor measured in the same run.',
  )
  .option('--json', 'one JSON object a line for each figure')
  .option('--quick', 'fewer rounds: a look, not a result')
  .action(() => {
    for (const { name, description } of benches) console.log(`${name.padEnd(16)} ${description}`);
  });

for (const bench of benches) {
  program
    .command(bench.name)
    .description(bench.description)
    .action(async () => {
      const { json, quick } = program.opts<{ json?: true; quick?: true }>();
      const figures = await bench.run({ quick: quick === true, say: (line) => console.error(line) });
      printFigures(figures, json === true);
      process.exitCode = figures.every(({ ok }) => ok !== false) ? 0 : 1;
    });
}
await program.parseAsync();
