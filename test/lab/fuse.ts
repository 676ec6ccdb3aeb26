import { accessSync, constants, existsSync } from 'node:fs';

/** Why no file system can be mounted here; undefined when one can. */
export function whyNoMount(): string | undefined {
  if (process.platform !== 'linux') return `FUSE needs Linux, this is ${process.platform}`;
  if (!existsSync('/dev/fuse'))
    return '/dev/fuse is missing (load the module fuse, or pass --device /dev/fuse)';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return 'no permission to open /dev/fuse';
  }
  if (process.getuid?.() !== 0) return 'mounting needs root';
  return undefined;
}

/** Why the fuse-native transport can't run here. */
export function whyNoFuseNative(): string | undefined {
  const found = ['/bin/fusermount', '/usr/bin/fusermount'].some(existsSync);
  return whyNoMount() ?? (found ? undefined : 'fusermount is missing (apt-get install fuse3)');
}
