import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { NotInTimeError, UsageError } from '../src/errors.js';
import { exitStatusOf, formatError, formatTable, printable } from '../src/output.js';

t.test('exit statuses', async (t) => {
  t.equal(exitStatusOf(new UsageError('x')), 2);
  t.equal(exitStatusOf(new NotInTimeError('x')), 3);
  t.equal(exitStatusOf(new TidecacheError('INVALID', 'said by the master')), 1);
  t.equal(exitStatusOf(new Error('x')), 1);
  t.equal(exitStatusOf('x'), 1);
});

t.test('an error is one line; its causes are for debugging', async (t) => {
  const cause = new Error('two\nlines', { cause: new AggregateError([new Error('a'), new Error('b')]) });
  const error = new TidecacheError('UNREACHABLE', 'cannot do it', { cause });
  t.equal(formatError(error, false), 'error: cannot do it');
  t.equal(formatError(error, true), 'error: cannot do it\n  caused by: two; lines\n  caused by: a; b');
});

t.test('what is no error of the table is a bug, with its stack for debugging', async (t) => {
  t.equal(formatError(new TypeError('oops'), false).split('\n').length, 1);
  t.match(formatError(new TypeError('oops'), false), /^error: oops \(a bug: please report it/);
  t.match(formatError(new TypeError('oops'), true), /\n +at /);
});

t.test('a cause that goes in a circle ends', async (t) => {
  const error = new TidecacheError('INTERNAL', 'round');
  error.cause = error;
  t.equal(formatError(error, true).split('\n').length, 9);
});

t.test('a table is aligned, and nothing in it moves the cursor', async (t) => {
  const rows = [
    { name: 'a', size: '10' },
    { name: 'long\x1b[31m\n', size: '5' },
  ];
  const table = formatTable(rows, [
    { title: 'NAME', cell: (row) => row.name },
    { title: 'SIZE', align: 'right', cell: (row) => row.size },
  ]);
  t.equal(table, ['NAME              SIZE', 'a                   10', 'long\\u001b[31m\\n     5'].join('\n'));
  t.equal(printable('价格 📈'), '价格 📈');
});
