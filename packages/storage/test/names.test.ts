import { t } from 'tap';
import { checkKey, compareKeys, keyProblem, nameProblem } from '../src/names.js';
import { randomOf } from '../src/testing/suite/tools.js';

t.test('names', async (t) => {
  for (const name of ['a', '...', ' ', '\n', '价', '🌊', 'x'.repeat(255), '中'.repeat(85)]) {
    t.equal(nameProblem(name), undefined, JSON.stringify(name));
  }
  for (const [name, reason] of [
    ['', 'empty-name'],
    ['.', 'dot-name'],
    ['..', 'dot-name'],
    ['a\0b', 'nul'],
    ['a\ufffdb', 'not-utf8'],
    ['\ud83c', 'not-utf8'],
    ['\udf0a\ud83c', 'not-utf8'],
    ['x'.repeat(256), 'name-too-long'],
    ['中'.repeat(86), 'name-too-long'],
  ] as const) {
    t.equal(nameProblem(name), reason);
  }
});

t.test('keys', async (t) => {
  t.equal(keyProblem('a/b c/d'), undefined);
  t.equal(keyProblem('a//b'), 'empty-name');
  t.equal(keyProblem('/a'), 'empty-name');
  t.equal(keyProblem('a/'), 'empty-name');
  t.equal(keyProblem('a/../b'), 'dot-name');
  t.equal(keyProblem(Array(2100).fill('x').join('/')), 'key-too-long');
  t.throws(() => checkKey('a/../b', 'cannot x'), {
    code: 'INVALID',
    message: 'cannot x: "a/../b" is no path of the tree (dot-name)',
  });
  t.throws(() => checkKey('x'.repeat(256), 'cannot x'), { code: 'NAME_TOO_LONG' });
  t.doesNotThrow(() => checkKey('a\ufffd', 'cannot x'));
});

t.test('the order is that of UTF-8 bytes', async (t) => {
  const seed = 99;
  t.comment(`seed ${seed}`);
  const random = randomOf(seed);
  const alphabet = [
    '',
    'a',
    'b',
    '/',
    '-',
    '.',
    '0',
    'é',
    '中',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '😀',
    '\u{10ffff}',
  ];
  const word = () =>
    Array.from({ length: 4 }, () => alphabet[Math.floor(random() * alphabet.length)] ?? '').join('');
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = [word(), word()];
    const expected = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    if (Math.sign(compareKeys(a, b)) !== expected)
      return t.fail(`${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  }
  t.pass('20000 pairs');
});
