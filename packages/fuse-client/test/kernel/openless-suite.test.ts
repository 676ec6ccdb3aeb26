import { t } from 'tap';
import { mountSuite } from '../suite.js';
import { whyNotMountable } from '../support/server.js';

const skip = (await whyNotMountable('kernel')) ?? false;

t.test('the kernel transport, without opens', { skip }, (t) => mountSuite(t, 'kernel', true));
