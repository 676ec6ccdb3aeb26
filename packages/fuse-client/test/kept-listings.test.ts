import { inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { KeptListings } from '../src/kept-listings.js';
import { KEPT_LISTING_SHARE, MAX_KEPT_LISTINGS } from '../src/limits.js';

const INO = inodeId(11);

function start() {
  const clock = { ms: 0 };
  return { clock, kept: new KeptListings(() => clock.ms) };
}

t.test('kept while every page of it may be believed', (t) => {
  const { clock, kept } = start();
  t.equal(kept.open(INO), 'anew');
  kept.learned(INO, 1000);
  kept.learned(INO, 5000);
  kept.close(INO);
  t.equal(kept.open(INO), 'keep');
  kept.close(INO);
  clock.ms = 1000 * KEPT_LISTING_SHARE;
  t.equal(kept.open(INO), 'anew', 'the first page is too old');
  t.equal(kept.open(inodeId(12)), 'anew', 'another directory');
  t.end();
});

t.test('after a change apart, until those who read the old listing are gone', (t) => {
  const { kept } = start();
  kept.open(INO);
  kept.learned(INO, 1000);
  t.equal(kept.open(INO), 'keep');
  kept.changed(INO);
  t.equal(kept.open(INO), 'apart');
  kept.learned(INO, 1000);
  kept.close(INO);
  t.equal(kept.open(INO), 'apart', 'one of two is gone');
  kept.close(INO);
  t.equal(kept.open(INO), 'anew');
  kept.learned(INO, 1000);
  t.equal(kept.open(INO), 'keep');
  t.end();
});

t.test('what must not be believed at all is not kept', (t) => {
  const { kept } = start();
  kept.open(INO);
  kept.learned(INO, 0);
  t.equal(kept.open(INO), 'apart');
  kept.close(INO);
  t.equal(kept.open(INO), 'anew');
  t.end();
});

t.test('bounded: of too many, one that nobody reads is forgotten', (t) => {
  const { kept } = start();
  kept.open(inodeId(1));
  for (let ino = 2; ino <= MAX_KEPT_LISTINGS + 10; ino++) {
    kept.open(inodeId(ino));
    kept.close(inodeId(ino));
  }
  t.equal(kept.size, MAX_KEPT_LISTINGS);
  t.equal(kept.open(inodeId(1)), 'keep');
  t.equal(kept.open(inodeId(2)), 'anew');
  t.end();
});
