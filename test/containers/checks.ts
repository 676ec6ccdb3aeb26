/** Named checks, each a line, and their count: all are tried, also after one failed. */
export class Checks {
  passed = 0;
  failed = 0;

  /** Runs one check; true when it holds. */
  async check(name: string, body: () => Promise<void> | void): Promise<boolean> {
    try {
      await body();
      this.passed++;
      console.log(`ok - ${name}`);
      return true;
    } catch (thrown) {
      this.fail(name, thrown);
      return false;
    }
  }

  fail(name: string, thrown: unknown): void {
    this.failed++;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    console.log(`not ok - ${name}\n${message.replace(/^/gm, '  ')}`);
  }
}
