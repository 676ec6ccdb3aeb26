/**
 * The mount image's entry: makes the mount point ready, then is the `tidecache` command. In a container the mount
 * point lies in a directory shared with the host, which is empty at first, and holds a dead mount ("Transport
 * endpoint is not connected") after the container before was killed.
 */
const { spawnSync } = require('node:child_process');
const { mkdirSync } = require('node:fs');

const [verb, dir] = process.argv.slice(2);
if (verb === 'mount' && dir?.startsWith('/')) {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    // The command itself says what is wrong with any other mount point.
    if (error.code === 'ENOTCONN') spawnSync('umount', ['-i', '-l', '--', dir], { stdio: 'inherit' });
  }
}
// In this process, so that signals reach it. CommonJS, since the command sets UV_THREADPOOL_SIZE before any ES module.
require('/app/packages/cli/bin/tidecache.cjs');
