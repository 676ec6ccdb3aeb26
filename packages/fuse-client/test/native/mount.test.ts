import { t } from 'tap';
import { mountSuite } from '../suite.js';
import { whyNotMountable } from '../support/server.js';

const skip = (await whyNotMountable('fuse-native')) ?? false;

t.test('the fuse-native transport', { skip }, (t) => mountSuite(t, 'fuse-native'));
