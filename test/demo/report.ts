/** What the demo says: steps, progress bars on a terminal and plain lines elsewhere, and what differed. */
import cliProgress from 'cli-progress';

export interface Progress {
  add(amount: number): void;
  done(): void;
}

export class Report {
  readonly #differences: string[] = [];
  #step = 0;

  step(what: string): void {
    console.log(`\n${++this.#step}. ${what}`);
  }

  line(text: string): void {
    console.log(`   ${text}`);
  }

  /** Something is not as it should be: the demo goes on, and ends with status 1. */
  differs(what: string): void {
    this.#differences.push(what);
    console.log(`   DIFFERS: ${what}`);
  }

  get differences(): readonly string[] {
    return this.#differences;
  }

  progress(what: string, total: number): Progress {
    if (!process.stdout.isTTY) {
      this.line(`${what} …`);
      return { add: () => undefined, done: () => undefined };
    }
    const bar = new cliProgress.SingleBar(
      { format: `   ${what} {bar} {percentage}% {eta_formatted}`, hideCursor: true, clearOnComplete: true },
      cliProgress.Presets.shades_classic,
    );
    bar.start(total, 0);
    return { add: (amount) => bar.increment(amount), done: () => bar.stop() };
  }
}
