import { t } from 'tap';
import { DEFAULT_BLOCK_BYTES, PAGE_BYTES } from '../src/limits.js';

t.equal(DEFAULT_BLOCK_BYTES / PAGE_BYTES, 16);
