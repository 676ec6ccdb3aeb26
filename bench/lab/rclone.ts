/** The peer: `rclone mount`, with its cache in memory, over the same S3 server. Installed from Debian when missing. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { needPrograms, type Scratch, Service } from '@tidecache/test';

const run = promisify(execFile);
let mounts = 0;

/** Mounts the bucket behind `endpoint`; resolves to the directory. */
export async function mountRclone(scratch: Scratch, endpoint: string, bucket: string): Promise<string> {
  await needPrograms({ rclone: 'rclone' });
  const dir = scratch.path(`rclone-${++mounts}`);
  mkdirSync(dir);
  const cache = mkdtempSync('/dev/shm/tidecache-rclone-');
  scratch.defer('rclone cache', () => rmSync(cache, { recursive: true, force: true }));
  const service = new Service({
    name: 'rclone',
    command: 'rclone',
    args: [
      ...['mount', `s3:${bucket}`, dir, '--read-only', '--allow-other', '--dir-cache-time', '1h'],
      ...['--no-checksum', '--vfs-cache-mode', 'full', '--cache-dir', cache, '--vfs-cache-max-size', '8G'],
      ...['--vfs-read-ahead', '64M', '--buffer-size', '16M', '--max-read-ahead', '4M'],
      ...['--config', '/dev/null', '-v'],
    ],
    env: {
      AWS_CA_BUNDLE: '', // rclone's HTTP client can't take one from the environment
      RCLONE_CONFIG_S3_LIST_VERSION: '2',
      RCLONE_CONFIG_S3_TYPE: 's3',
      RCLONE_CONFIG_S3_PROVIDER: 'Other',
      RCLONE_CONFIG_S3_ENDPOINT: endpoint,
      RCLONE_CONFIG_S3_ACCESS_KEY_ID: 'demo',
      RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: 'demo-secret',
    },
  });
  scratch.defer('rclone', async () => {
    await service.stop();
    await run('umount', ['-l', dir]).catch(() => undefined);
  });
  const deadline = Date.now() + 30_000;
  while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir} `)) {
    if (!service.running || Date.now() > deadline)
      throw new Error(`rclone mount did not come up:\n${service.output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return dir;
}
