/** Sends notifications to the kernel one at a time, apart from the thread that serves it (see Device.notify). */
import type { InodeId } from '@tidecache/protocol';
import { isListable } from '../attributes.js';
import type { KernelNotifier } from '../file-system.js';
import { MAX_PENDING_NOTIFICATIONS } from '../limits.js';
import type { Logger } from '../logger.js';
import { encodeInvalidateEntry, encodeInvalidateInode } from './conversion.js';
import type { Device } from './device.js';

/**
 * A queue in which equal notifications are one. When it is full, more are dropped, with a warning: the kernel then
 * believes those names until their validity runs out, as it would without notifications.
 */
export function createNotifier(device: Pick<Device, 'notify'>, logger: Logger): KernelNotifier {
  const queue = new Map<string, () => Buffer>();
  let sending = false;
  let dropped = 0;

  async function send(): Promise<void> {
    sending = true;
    for (const [key, message] of queue) {
      queue.delete(key);
      try {
        await device.notify(message());
      } catch (error) {
        logger.warn({ error: String(error) }, 'the kernel refused a notification');
      }
    }
    if (dropped > 0) {
      logger.warn({ dropped }, 'notifications dropped: names may stay old until their validity runs out');
      dropped = 0;
    }
    sending = false;
  }

  function add(key: string, message: () => Buffer): void {
    if (queue.size >= MAX_PENDING_NOTIFICATIONS && !queue.has(key)) dropped++;
    else queue.set(key, message);
    if (!sending) void send();
  }

  return {
    invalidateEntry(parent: InodeId, name: string) {
      if (isListable(name)) add(`${parent}/${name}`, () => encodeInvalidateEntry(parent, name));
    },
    invalidateInode(ino: InodeId) {
      add(`${ino}`, () => encodeInvalidateInode(ino));
    },
  };
}
