import { t } from 'tap';
import { decodeBody, EMPTY_BODY, encodeBody } from '../src/body.js';
import { LookupRequest, Nothing, Ring } from '../src/messages.js';

t.equal(
  encodeBody({ parent: 1, name: 'x' }).toString('hex'),
  'de0002a6706172656e7401a46e616d65a178',
  'golden',
);
t.equal(encodeBody(undefined), EMPTY_BODY);
t.equal(decodeBody(Nothing, EMPTY_BODY, 'nothing'), undefined);

const big = { parent: Number.MAX_SAFE_INTEGER, name: '日本 ☂\n' };
t.same(decodeBody(LookupRequest, encodeBody(big), 'LOOKUP'), big, 'integers up to 2^53');

const first = encodeBody({ parent: 1, name: 'first' });
encodeBody({ parent: 2, name: 'second' });
t.same(
  decodeBody(LookupRequest, first, 'LOOKUP'),
  { parent: 1, name: 'first' },
  'bodies do not share memory',
);

const refused = (value: unknown, message: RegExp) =>
  t.throws(() => decodeBody(LookupRequest, encodeBody(value), 'LOOKUP'), { code: 'PROTOCOL', message });
refused({ parent: 1 }, /bad LOOKUP: name/);
refused({ parent: -1, name: 'x' }, /bad LOOKUP: parent/);
refused({ parent: 2 ** 53, name: 'x' }, /bad LOOKUP: parent/);
refused({ parent: 1, name: 'x', more: 1 }, /more/);
refused([1], /bad LOOKUP/);
t.throws(() => decodeBody(LookupRequest, EMPTY_BODY, 'LOOKUP'), { code: 'PROTOCOL' });

const nested = { epoch: 1, members: [{ id: 'w', host: 'h', port: 0, hostId: 'x', weight: 1 }] };
t.throws(() => decodeBody(Ring, encodeBody(nested), 'RING'), {
  code: 'PROTOCOL',
  message: /members\.0\.port/,
});

// A map's key that names the prototype is data like any other.
const poisoned = Buffer.concat([
  Buffer.from('81a9', 'hex'),
  Buffer.from('__proto__'),
  Buffer.from('81a178c3', 'hex'),
]);
t.throws(() => decodeBody(LookupRequest, poisoned, 'LOOKUP'), { code: 'PROTOCOL' });
t.equal(({} as { x?: boolean }).x, undefined);
