/** The tables of errors and operations: what crossed the wire once keeps its number for ever. */
import { constants } from 'node:os';
import { t } from 'tap';
import { asTidecacheError, ERRORS, type ErrorCode, errorCodeOf, TidecacheError } from '../src/errors.js';
import { OPCODES, opcodeName } from '../src/opcodes.js';

t.test('errors', async (t) => {
  const wires = Object.values(ERRORS).map(({ wire }) => wire);
  t.equal(new Set(wires).size, wires.length, 'wire codes are unique');
  for (const [code, row] of Object.entries(ERRORS)) {
    t.ok(row.wire > 0 && row.wire <= 0xffff, `${code}: its number fits the status field, and is not success`);
    t.ok(row.errno in constants.errno, `${code}: ${row.errno} is an errno`);
    t.equal(errorCodeOf(row.wire), code);
  }
  t.equal(errorCodeOf(0xfffe), 'INTERNAL', 'a newer release');
  const retryable = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].retryable);
  t.same(retryable, ['BUSY', 'TIMEOUT', 'UNREACHABLE', 'CORRUPT', 'ORIGIN_FAILED', 'CANCELLED']);
});

t.test('numbers never change', async (t) => {
  const errors = Object.entries(ERRORS).map(([code, { wire }]) => `${wire} ${code}`);
  t.same(errors.slice(0, 20), [
    '1 NOT_FOUND',
    '2 NOT_A_DIRECTORY',
    '3 IS_A_DIRECTORY',
    '4 NAME_TOO_LONG',
    '5 READ_ONLY',
    '6 STALE',
    '7 ACCESS_DENIED',
    '8 BUSY',
    '9 TIMEOUT',
    '10 UNREACHABLE',
    '11 CORRUPT',
    '12 PROTOCOL',
    '13 INVALID',
    '14 ALREADY_EXISTS',
    '15 ORIGIN_FAILED',
    '16 NO_SPACE',
    '17 UNSUPPORTED',
    '18 CANCELLED',
    '19 NOT_EMPTY',
    '20 INTERNAL',
  ]);
  t.match(Object.fromEntries(Object.entries(OPCODES).map(([name, { wire }]) => [name, wire])), {
    HELLO: 1,
    PROOF: 2,
    PING: 3,
    ATTACH: 0x10,
    LOOKUP: 0x11,
    REGISTER: 0x20,
    READ: 0x30,
    MAP: 0x31,
    RELEASE: 0x32,
    LEND: 0x33,
    RING: 0x40,
  });
});

t.test('operations', async (t) => {
  const rows = Object.entries(OPCODES);
  t.equal(new Set(rows.map(([, { wire }]) => wire)).size, rows.length, 'numbers are unique');
  for (const [name, { wire }] of rows) {
    t.ok(wire > 0 && wire <= 0xffff, `${name} fits its field`);
    t.equal(opcodeName(wire), name);
  }
  t.equal(opcodeName(0xfffe), undefined);
});

t.test('what is thrown becomes one of ours, its cause kept', async (t) => {
  const ours = new TidecacheError('STALE', 'changed');
  t.equal(asTidecacheError(ours), ours);
  t.equal(ours.errno, 'ESTALE');
  t.equal(ours.retryable, false);
  const cause = new TypeError('oops');
  t.match(asTidecacheError(cause, 'ORIGIN_FAILED', 'GET s3://b/k'), {
    code: 'ORIGIN_FAILED',
    message: 'GET s3://b/k: oops',
    cause,
  });
  t.match(asTidecacheError('text'), { code: 'INTERNAL', message: 'text' });
});
