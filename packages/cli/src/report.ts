/** What a supervised process tells its supervisor, over the IPC channel. */
import { z } from 'zod';

export const Report = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), ready: z.record(z.string(), z.unknown()) }),
  /** Said before it ends with a status that is not 0. */
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type Report = z.infer<typeof Report>;

/** Sends to this process's supervisor. Resolves when it's on its way: the process may end then. */
export function sendReport(message: Report): Promise<void> {
  // The supervisor may be gone: that shows as a disconnect, not here.
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
