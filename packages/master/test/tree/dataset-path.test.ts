import { t } from 'tap';
import { checkPlace, normalisePath, splitPath } from '../../src/tree/dataset-path.js';

t.test('paths that are taken', async (t) => {
  t.equal(normalisePath('/prices/daily'), '/prices/daily');
  t.equal(normalisePath('/prices/daily/'), '/prices/daily');
  t.same(splitPath('/a b/价格/😀/x\ny'), ['a b', '价格', '😀', 'x\ny']);
});

t.test('paths that are refused say why and how to write them', async (t) => {
  const refused: [string, RegExp][] = [
    ['prices', /not absolute.*slash/],
    ['', /not absolute/],
    ['/', /root/],
    ['/a//b', /""/],
    ['/a/../b', /"\.\."/],
    ['/./a', /"\."/],
    ['/a\0b', /nul/],
    ['/\ud800', /utf8/],
    [`/${'x'.repeat(256)}`, /name-too-long/],
    [`/${Array(30).fill('x'.repeat(200)).join('/')}`, /longer than/],
  ];
  for (const [path, message] of refused) t.throws(() => splitPath(path), { code: 'INVALID', message });
});

t.test('datasets neither share a place nor nest', async (t) => {
  t.throws(() => checkPlace('/a/b', ['/x', '/a/b']), { code: 'ALREADY_EXISTS', message: /\/a\/b/ });
  t.throws(() => checkPlace('/a/b/c', ['/a/b']), {
    code: 'INVALID',
    message: /\/a\/b\/c would be inside \/a\/b/,
  });
  t.throws(() => checkPlace('/a', ['/a/b']), { code: 'INVALID', message: /\/a\/b would be inside \/a/ });
  t.doesNotThrow(() => checkPlace('/a/bc', ['/a/b', '/a/b-c', '/ab']));
});
