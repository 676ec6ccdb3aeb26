/** Timers, injected: a test moves time by hand. */
export interface Timers {
  /** Runs `run` once, `ms` from now; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** They keep the process alive only through what they belong to: the servers. */
export const realTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Runs `run` again and again, `ms` after it last ended. The answer stops it. */
export function every(timers: Timers, ms: number, run: () => void): () => void {
  let cancel = timers.after(ms, tick);
  let stopped = false;
  function tick() {
    try {
      run();
    } finally {
      if (!stopped) cancel = timers.after(ms, tick);
    }
  }
  return () => {
    stopped = true;
    cancel();
  };
}
