/**
 * What a mount must do, whatever carries it: run by each transport's test on a real mount. The calls come from this
 * process and its children, the serving is another process's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Transport } from '../src/index.js';
import { seededRandom } from './support/random.js';
import { hasProgram, startServer } from './support/server.js';
import { HUGE_BYTES, NAMES, SIZES, suiteFileSystem, WIDE_ENTRIES } from './support/tree.js';

export async function mountSuite(t: Test, transport: Transport, openless = false): Promise<void> {
  const server = await startServer(t, transport, { wide: true, openless });
  const model = suiteFileSystem(true);
  const at = (...names: string[]) => join(server.mountPoint, ...names);
  const python = hasProgram('python3');

  t.test('attributes', (t) => {
    const directory = fs.statSync(at('sizes'));
    t.ok(directory.isDirectory());
    t.equal(directory.nlink, 2);
    t.equal(directory.mode & 0o7777, 0o555, 'nothing can be written');
    const file = fs.statSync(at('sizes', '4097'));
    t.ok(file.isFile());
    t.match(file, { size: 4097, nlink: 1, blocks: 9, blksize: 131072, mtimeMs: 1_700_000_000_123 });
    t.match(file, { uid: process.getuid?.(), gid: process.getgid?.() }, 'owned by who serves');
    t.equal(file.mode & 0o7777, 0o444);
    t.equal(fs.statSync(at('huge')).size, HUGE_BYTES);
    t.ok(fs.statSync(server.mountPoint).isDirectory());
    t.end();
  });

  t.test('whole files of every odd size', (t) => {
    for (const [name, size] of Object.entries(SIZES)) {
      const expected = model.expected(model.find(`sizes/${name}`).ino, 0, size);
      t.ok(fs.readFileSync(at('sizes', name)).equals(expected), `${size} bytes`);
    }
    t.end();
  });

  t.test('any offset and size, through the page cache and past it', (t) => {
    const { random, seed } = seededRandom();
    t.comment(`seed ${seed}`);
    for (const [name, size] of [
      ['huge', HUGE_BYTES],
      ['sizes/9MiB+7', SIZES['9MiB+7'] ?? 0],
      ['sizes/4097', 4097],
    ] as const) {
      const { ino } = model.find(name);
      for (const flags of [fs.constants.O_RDONLY, fs.constants.O_RDONLY | fs.constants.O_DIRECT]) {
        const fd = fs.openSync(at(name), flags);
        try {
          for (let i = 0; i < 60; i++) {
            const offset = Math.floor(random() * (size + 5000));
            const length = Math.floor(random() ** 4 * 3_000_000);
            const buffer = Buffer.alloc(length);
            const bytes = fs.readSync(fd, buffer, 0, length, offset);
            const expected = model.expected(ino, offset, length);
            if (bytes !== expected.length || !buffer.subarray(0, bytes).equals(expected)) {
              t.fail(`${name}: ${length} bytes at ${offset} (flags ${flags}): got ${bytes}`);
            }
          }
        } finally {
          fs.closeSync(fd);
        }
      }
      t.pass(name);
    }
    t.end();
  });

  t.test('offsets around 2^31 and 2^32', (t) => {
    const fd = fs.openSync(at('huge'), 'r');
    const { ino } = model.find('huge');
    for (const edge of [2 ** 31, 2 ** 32, HUGE_BYTES]) {
      const buffer = Buffer.alloc(8192);
      const bytes = fs.readSync(fd, buffer, 0, 8192, edge - 5000);
      const expected = model.expected(ino, edge - 5000, 8192);
      t.equal(bytes, expected.length);
      t.ok(buffer.subarray(0, bytes).equals(expected), `around ${edge}`);
    }
    t.equal(fs.readSync(fd, Buffer.alloc(10), 0, 10, HUGE_BYTES + 1), 0, 'nothing past the end');
    fs.closeSync(fd);
    t.end();
  });

  t.test('mmap', { skip: python ? false : 'python3 is missing' }, (t) => {
    const program = `
import mmap, sys, hashlib
with open(sys.argv[1], 'rb') as f:
    for access in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
        m = mmap.mmap(f.fileno(), 0, flags=access, prot=mmap.PROT_READ)
        print(hashlib.sha256(m).hexdigest(), m[5000000:5000004].hex())
        m.close()`;
    const { stdout, stderr, status } = run('python3', ['-c', program, at('sizes', '9MiB+7')]);
    t.equal(status, 0, stderr);
    const bytes = model.expected(model.find('sizes/9MiB+7').ino, 0, SIZES['9MiB+7'] ?? 0);
    const line = `${sha256(bytes)} ${bytes.subarray(5000000, 5000004).toString('hex')}`;
    t.equal(stdout.trim(), `${line}\n${line}`);
    t.end();
  });

  t.test('names', (t) => {
    t.same(fs.readdirSync(at('names')).sort(), Object.keys(NAMES).sort());
    for (const [name, size] of Object.entries(NAMES)) {
      const expected = model.expected(model.find(`names/${name}`).ino, 0, size);
      t.ok(fs.readFileSync(at('names', name)).equals(expected), JSON.stringify(name.slice(0, 20)));
    }
    t.equal(fs.readFileSync(at('one/a/b/c/d')).length, 5);
    t.same(fs.readdirSync(at('empty')), []);
    const notUtf8 = Buffer.concat([Buffer.from(`${at('names')}/`), Buffer.from([0xff, 0xfe])]);
    t.throws(() => fs.statSync(notUtf8), { code: 'ENOENT' }, 'a name that is not UTF-8');
    t.end();
  });

  t.test(`a directory of ${WIDE_ENTRIES} entries`, (t) => {
    const names = fs.readdirSync(at('wide'));
    t.equal(names.length, WIDE_ENTRIES);
    t.equal(new Set(names).size, WIDE_ENTRIES, 'none twice');
    t.equal(names.sort().at(-1), `f0${WIDE_ENTRIES - 1}`);
    const found = run('find', [at('wide'), '-type', 'f', '-size', '-7c', '-printf', 'x']);
    t.equal(found.stdout.length, WIDE_ENTRIES, 'find, which asks for attributes');
    const listed = run('ls', ['-a', '-U', at('wide')]);
    const lines = listed.stdout.trim().split('\n');
    t.equal(lines.length, WIDE_ENTRIES + 2);
    t.ok(lines.includes('.') && lines.includes('..'));
    t.end();
  });

  t.test('telldir and seekdir', { skip: hasProgram('perl') ? false : 'perl is missing' }, (t) => {
    const program = `
      opendir(my $d, $ARGV[0]) or die $!;
      my (@names, @at);
      while (1) { push @at, telldir($d); my $n = readdir($d); last unless defined $n; push @names, $n; }
      for my $i (99999, 5, 50000, 0, 1, 2, 77777, 100001) {
        seekdir($d, $at[$i]);
        my $n = readdir($d);
        die "position $i: $n, not $names[$i]" if $n ne $names[$i];
      }
      rewinddir($d); my $count = 0; $count++ while defined readdir($d);
      print $count;`;
    const { stdout, stderr, status } = run('perl', ['-e', program, at('wide')]);
    t.equal(status, 0, stderr);
    t.equal(stdout, `${WIDE_ENTRIES + 2}`);
    t.end();
  });

  t.test('errors', (t) => {
    t.throws(() => fs.statSync(at('nothing')), { code: 'ENOENT' });
    t.throws(() => fs.readFileSync(at('one', 'a', 'x', 'y')), { code: 'ENOENT' });
    t.throws(() => fs.statSync(at('huge', 'x')), { code: 'ENOTDIR' });
    t.throws(() => fs.readdirSync(at('huge')), { code: 'ENOTDIR' });
    t.throws(() => fs.readFileSync(at('sizes')), { code: 'EISDIR' });
    t.throws(() => fs.statSync(at('x'.repeat(256))), { code: 'ENAMETOOLONG' });
    t.throws(() => fs.statSync(at('数'.repeat(86))), { code: 'ENAMETOOLONG' });
    t.throws(() => fs.readlinkSync(at('huge')), { code: 'EINVAL' });
    t.end();
  });

  t.test('nothing can be written', (t) => {
    const file = at('sizes', '4096');
    const denied: [string, () => unknown][] = [
      ['create', () => fs.writeFileSync(at('new'), 'x')],
      ['open to write', () => fs.openSync(file, 'r+')],
      ['append', () => fs.appendFileSync(file, 'x')],
      ['truncate', () => fs.truncateSync(file, 1)],
      ['mkdir', () => fs.mkdirSync(at('new'))],
      ['rmdir', () => fs.rmdirSync(at('empty'))],
      ['unlink', () => fs.unlinkSync(file)],
      ['rename', () => fs.renameSync(file, at('new'))],
      ['link', () => fs.linkSync(file, at('new'))],
      ['symlink', () => fs.symlinkSync('x', at('new'))],
      ['chmod', () => fs.chmodSync(file, 0o777)],
      ['chown', () => fs.chownSync(file, 1, 1)],
      ['utimes', () => fs.utimesSync(file, 1, 1)],
    ];
    for (const [what, call] of denied) t.throws(call, { code: 'EROFS' }, what);
    t.end();
  });

  t.test('access and statfs', (t) => {
    fs.accessSync(at('sizes', '1'), fs.constants.R_OK);
    fs.accessSync(at('sizes'), fs.constants.R_OK | fs.constants.X_OK);
    t.throws(() => fs.accessSync(at('sizes', '1'), fs.constants.W_OK), { code: 'EROFS' });
    t.throws(() => fs.accessSync(at('sizes', '1'), fs.constants.X_OK), { code: 'EACCES' });
    t.match(fs.statfsSync(server.mountPoint), { bsize: 4096, blocks: 1000, bfree: 0, bavail: 0 });
    t.end();
  });

  t.test('extended attributes', { skip: python ? false : 'python3 is missing' }, (t) => {
    const program = `
import os, sys, errno, json
p = sys.argv[1]
def refused(call):
    try: call()
    except OSError as e: return errno.errorcode[e.errno]
print(json.dumps([
  sorted(os.listxattr(p)), os.getxattr(p, 'user.tidecache.version').decode(),
  os.getxattr(p, 'user.tidecache.origin').decode(), os.listxattr(sys.argv[2]),
  refused(lambda: os.getxattr(p, 'user.other')), refused(lambda: os.getxattr(sys.argv[2], 'user.tidecache.version')),
  refused(lambda: os.setxattr(p, 'user.x', b'1')), refused(lambda: os.removexattr(p, 'user.tidecache.version')),
]))`;
    const { stdout, stderr, status } = run('python3', ['-c', program, at('sizes', '1'), at('sizes')]);
    t.equal(status, 0, stderr);
    const { ino } = model.find('sizes/1');
    t.same(JSON.parse(stdout || 'null'), [
      ['user.tidecache.dataset', 'user.tidecache.origin', 'user.tidecache.version'],
      `v${ino}`,
      `s3://bucket/数据/${ino}`,
      [],
      'ENODATA',
      'ENODATA',
      'EROFS',
      'EROFS',
    ]);
    t.end();
  });

  t.test('16 readers of one file at once', async (t) => {
    const path = at('sizes', '9MiB+7');
    const expected = sha256(model.expected(model.find('sizes/9MiB+7').ino, 0, SIZES['9MiB+7'] ?? 0));
    const sums = await Promise.all(
      Array.from({ length: 16 }, (_, i) => shaOf(path, i % 2 === 0 ? [] : ['iflag=direct'])),
    );
    t.same(new Set(sums), new Set([expected]));
  });

  // What is not opened can't be refused: there the name's validity is what counts.
  const replaced = { skip: openless };
  t.test('a replaced file is opened anew, though its name is cached', replaced, async (t) => {
    fs.statSync(at('replaced'));
    const made = (await server.ask({ do: 'replace', path: 'replaced', size: 5000, notify: false })) as {
      ino: number;
    };
    model.replace('replaced', 5000);
    t.ok(fs.readFileSync(at('replaced')).equals(model.expected(made.ino, 0, 5000)));
  });

  t.test('a reader that is killed while it waits', async (t) => {
    const reader = spawn('cat', [at('slow', 'read')], { stdio: 'ignore' });
    const gone = new Promise<string | null>((resolve) => reader.on('exit', (_, signal) => resolve(signal)));
    await server.ask({ do: 'await-slow' });
    reader.kill('SIGKILL');
    // The page that is being read holds it until it is there: let it come, and the process goes.
    await server.ask({ do: 'end-slow' });
    t.equal(await gone, 'SIGKILL');
    const expected = model.expected(model.find('slow/read').ino, 0, 4096);
    t.ok(fs.readFileSync(at('slow', 'read')).equals(expected), 'the next reader gets the bytes');
  });

  t.test('nothing stays open', async (t) => {
    // RELEASE comes after close(2) has returned; a question on another connection may overtake it.
    const settled = async () => {
      for (let tries = 0; tries < 100; tries++) {
        const { openFiles, openDirectories, heldReads } = await server.state();
        if (openFiles + openDirectories + heldReads === 0) return true;
        fs.readdirSync(at('empty'));
      }
      return false;
    };
    t.ok(await settled(), JSON.stringify(await server.state()));
  });

  t.test('unmount with a file open', async (t) => {
    const fd = fs.openSync(at('sizes', '1MiB'), 'r');
    t.same(await server.ask({ do: 'unmount' }), {});
    t.notMatch(fs.readFileSync('/proc/self/mountinfo', 'utf8'), server.mountPoint);
    t.same(fs.readdirSync(server.mountPoint), [], 'the directory beneath shows');
    const buffer = Buffer.alloc(4096);
    fs.readSync(fd, buffer, 0, 4096, 512 * 1024);
    t.ok(buffer.equals(model.expected(model.find('sizes/1MiB').ino, 512 * 1024, 4096)), 'it stays readable');
    fs.closeSync(fd);
    await server.ended;
  });
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function run(program: string, args: readonly string[]) {
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** The SHA-256 of a file as `dd` reads it. */
function shaOf(path: string, ddArguments: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const dd = spawn('dd', [`if=${path}`, 'bs=300001', 'status=none', ...ddArguments], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const hash = createHash('sha256');
    dd.stdout.on('data', (bytes: Buffer) => hash.update(bytes));
    dd.on('error', reject);
    dd.on('close', () => resolve(hash.digest('hex')));
  });
}
