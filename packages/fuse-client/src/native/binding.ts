/**
 * fuse-native, as far as it is used here, and three repairs of it. It has no types, and is loaded when asked for, since
 * it is an optional dependency with a native part.
 */
import { TidecacheError } from '@tidecache/protocol';
import { errno } from '../errno.js';

/** Answers with a negative errno, or 0 (in `read`: the bytes read). */
export type Answer = (result: number) => void;
export type AnswerWith<T> = (result: number, value?: T) => void;

export interface NativeStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly ino: number;
  readonly blksize: number;
  readonly blocks: number;
  /** Milliseconds; not negative. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

export interface NativeStatfs {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly files: number;
  readonly namemax: number;
}

/** Paths are absolute within the mount. */
export interface NativeOperations {
  getattr(path: string, answer: AnswerWith<NativeStat>): void;
  readdir(path: string, answer: AnswerWith<readonly string[]>): void;
  open(path: string, flags: number, answer: AnswerWith<number>): void;
  read(path: string, handle: number, into: Buffer, length: number, offset: number, answer: Answer): void;
  release(path: string, handle: number, answer: Answer): void;
  statfs(path: string, answer: AnswerWith<NativeStatfs>): void;
  /** Without a value: there is none of that name. What is absent here libfuse answers with ENOSYS. */
  getxattr?(path: string, name: string, position: number, answer: AnswerWith<Buffer | undefined>): void;
  listxattr?(path: string, answer: AnswerWith<readonly string[]>): void;
}

export interface NativeMount {
  mount(done: (error?: Error | null) => void): void;
  unmount(done: (error?: Error | null) => void): void;
}

interface FuseClass {
  new (mountPoint: string, operations: NativeOperations, options: object): NativeMount;
  unmount(mountPoint: string, done: (error?: Error | null) => void): void;
}

type Signal = (result: number, memory: ArrayBufferLike) => void;

let loading: Promise<FuseClass> | undefined;

/** The class to mount with. Throws UNSUPPORTED when the package is missing or does not load. */
export function loadFuseNative(): Promise<FuseClass> {
  loading ??= load();
  return loading;
}

async function load(): Promise<FuseClass> {
  // Not a literal: the compiler has nothing to look up where it isn't installed.
  const specifier: string = 'fuse-native';
  try {
    const module = (await import(specifier)) as { default: FuseClass };
    return repaired(module.default);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new TidecacheError(
      'UNSUPPORTED',
      `cannot load fuse-native: ${reason} (install it with \`npm install fuse-native\`; it needs libfuse 2 and, on ` +
        'other machines than x86-64, a compiler; on Linux as root the kernel transport needs neither)',
      { cause },
    );
  }
}

function repaired(Fuse: FuseClass): FuseClass {
  // Its own builds a shell command of the path, in which `$(…)` would run. The caller unmounts first, without one.
  Fuse.unmount = (_mountPoint, done) => done();
  return class extends Fuse {
    readonly #operations: NativeOperations;

    constructor(mountPoint: string, operations: NativeOperations, options: object) {
      super(mountPoint, operations, options);
      this.#operations = operations;
    }

    // Its own tell libfuse the length of the whole value also when the asker has less room: libfuse then reads on
    // past the end of its buffer. ERANGE is what is meant.
    _op_getxattr(signal: Signal, path: string, name: string, into: Buffer, position: number): void {
      this.#operations.getxattr?.(path, name, position, (result, value) => {
        fill(signal, into, result === 0 && !value ? -errno('ENODATA') : result, value);
      });
    }

    _op_listxattr(signal: Signal, path: string, into: Buffer): void {
      this.#operations.listxattr?.(path, (result, names = []) => {
        fill(signal, into, result, Buffer.from(names.map((name) => `${name}\0`).join('')));
      });
    }
  };
}

function fill(signal: Signal, into: Buffer, result: number, value: Buffer | undefined): void {
  const length = value?.length ?? 0;
  const fits = length <= into.length;
  if (result === 0 && fits) value?.copy(into);
  // Room for nothing asks how much there is.
  const answer = fits || into.length === 0 ? length : -errno('ERANGE');
  signal(result === 0 ? answer : result, into.buffer);
}
