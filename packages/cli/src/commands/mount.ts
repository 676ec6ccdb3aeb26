import { hostname } from 'node:os';
import { asTidecacheError } from '@tidecache/protocol';
import { findSecret } from '../config/secret.js';
import { realMountPoint, unmountBehind } from '../leftover-mount.js';
import { runUntilStopped } from '../lifecycle.js';
import { mountBusyPollMs, mountThreads } from '../threads.js';
import type { Verb } from '../verb.js';
import { announce } from './ready.js';

export const mount: Verb = {
  name: 'mount',
  summary: 'mount the tree on a directory, read-only',
  args: [{ name: 'DIR', help: 'an empty directory' }],
  keys: [
    'master.address',
    'mount.transport',
    'mount.buffer',
    'mount.ioThreads',
    'mount.busyPoll',
    'mount.xattrs',
    'dataDir',
  ],
  examples: [
    'tidecache mount /mnt/data --master master.internal:7440 --secret-file /etc/tidecache/secret',
    'tidecache mount ./mnt --transport fuse-native --buffer 256MiB',
  ],
  async run(call) {
    const { transport, buffer, ioThreads, busyPoll, xattrs } = call.config.mount;
    const mountPoint = realMountPoint(call.args[0] ?? '');
    const secret = findSecret(call.loaded, call.env);
    const logger = call.logger('mount');
    let isMounted = false;
    const { connectClient } = await import('@tidecache/client');
    const { mountClient } = await import('@tidecache/fuse-client');
    const onForce = () => {
      if (isMounted) unmountBehind(mountPoint);
    };
    await runUntilStopped({ logger, onForce }, async (life) => {
      // This may take a while: parts are often started before their master.
      logger.info({ master: call.config.master.address }, 'attaching to the master');
      const client = await connectClient({
        mapMemory: true,
        ioThreads: mountThreads(ioThreads),
        master: call.config.master.address,
        secret,
        name: `${hostname()}:${mountPoint}`,
        logger,
        ...(buffer !== undefined && { bufferBytes: buffer }),
      });
      life.defer('client', () => client.close());
      const mounted = await mountClient({
        ...{ client, mountPoint, transport, xattrs, logger },
        busyPollMs: mountBusyPollMs(busyPoll),
      });
      isMounted = true;
      life.defer('mount', async () => {
        await mounted.unmount();
        isMounted = false;
      });
      mounted.ended.then(
        () => {
          if (!life.stopping.aborted) logger.info({ mountPoint }, 'unmounted from outside: ending');
          life.stop();
        },
        (thrown: unknown) => life.stop(asTidecacheError(thrown)),
      );
      announce(call, 'mount', { on: mountPoint, transport });
    });
  },
};
