import { readFileSync } from 'node:fs';
import { t } from 'tap';
import { KEYS } from '../src/config/schema.js';

t.test("the README's table is the schema's", async (t) => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const lines = readme.split('\n').filter((line) => line.includes('| `TIDECACHE_'));
  const rows = lines.map((line) => line.replace(/ +/g, ' '));
  const wanted = KEYS.map(({ key, env, flag, unit, help, ...row }) => {
    const fallback = row.default === undefined ? '' : `\`${row.default}\``;
    return `| \`${key}\` | \`${env}\` | \`${flag.split(' ')[0]}\` | ${fallback} | ${unit ?? ''} | ${help} |`.replace(
      / +/g,
      ' ',
    );
  });
  t.same(rows, wanted);
});
