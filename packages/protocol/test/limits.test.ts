import { t } from 'tap';
import * as limits from '../src/limits.js';

// The relations themselves are asserted when the module is loaded: importing it is the test. Here is what is not a
// relation between two limits but between a limit and the world.
t.equal(limits.HEADER_BYTES, 40);
t.ok(limits.SECTOR_BYTES >= 4096 && Number.isInteger(Math.log2(limits.SECTOR_BYTES)));
for (const [name, value] of Object.entries(limits)) {
  t.ok(Number.isSafeInteger(value) && value > 0, `${name} is a positive integer`);
  t.match(
    name,
    /(_BYTES|_MS|_ENTRIES|_WORKERS|_RANGES|_LANES|_DATASETS|_SLABS|^[KMG]iB)$/,
    `${name} carries its unit`,
  );
}
t.ok(
  limits.MAX_BODY_BYTES <= 0xffff_ffff && limits.MAX_PAYLOAD_BYTES <= 0xffff_ffff,
  'lengths fit their fields',
);
t.ok(limits.MAX_READ_BYTES / limits.SECTOR_BYTES <= 1024, 'sector checksums combined for one reply');
