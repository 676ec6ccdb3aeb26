/** Sizes as the kernel's header has them: a structure that grows by accident would corrupt every answer. */
import { t } from 'tap';
import * as wire from '../../src/kernel/wire.js';

t.match(wire, {
  IN_HEADER_BYTES: 40,
  OUT_HEADER_BYTES: 16,
  INIT_OUT_BYTES: 64,
  ATTR_BYTES: 88,
  ENTRY_OUT_BYTES: 128,
  ATTR_OUT_BYTES: 104,
  OPEN_OUT_BYTES: 16,
  READ_IN_BYTES: 40,
  RELEASE_IN_BYTES: 24,
  STATFS_OUT_BYTES: 80,
  DIRENT_BYTES: 24,
  DIRENTPLUS_BYTES: 152,
});
const opcodes = Object.values(wire.OP);
t.equal(new Set(opcodes).size, opcodes.length, 'no opcode twice');
