import { RELEASE } from '@tidecache/protocol';
import { t } from 'tap';
import {
  createHello,
  createProof,
  decodeHello,
  encodeHello,
  proofAgrees,
  releaseConflict,
} from '../src/handshake.js';

t.test('hello round trip, and every cut is refused', async (t) => {
  const hello = createHello('worker-3 ☂');
  const bytes = encodeHello(hello);
  t.same(decodeHello(bytes), hello);
  for (let cut = 0; cut < bytes.length; cut++) {
    t.throws(() => decodeHello(bytes.subarray(0, cut)), { code: 'PROTOCOL' });
  }
  t.throws(() => encodeHello(createHello('x'.repeat(257))), { code: 'INVALID' });
});

t.test('a proof is bound to the secret, the role and both hellos', async (t) => {
  const [client, server, other] = [createHello('c'), createHello('s'), createHello('c')].map(encodeHello);
  const proof = createProof('secret', 'client', client!, server!);
  t.ok(proofAgrees(createProof('secret', 'client', client!, server!), proof));
  t.notOk(proofAgrees(createProof('secreT', 'client', client!, server!), proof), 'secret');
  t.notOk(proofAgrees(createProof('secret', 'server', client!, server!), proof), 'reflected');
  t.notOk(proofAgrees(createProof('secret', 'client', other!, server!), proof), 'replayed');
  t.notOk(proofAgrees(proof, proof.subarray(1)), 'cut');
  t.notOk(proofAgrees(proof, Buffer.alloc(0)), 'empty');
  t.notSame(client!.subarray(0, 33), other!.subarray(0, 33), 'nonces differ');
});

t.test('releases of one minor go together', async (t) => {
  const [major, minor] = RELEASE.split('.');
  t.equal(releaseConflict(RELEASE, `${major}.${minor}.99`, 'there'), undefined);
  const conflict = releaseConflict(RELEASE, '7.7.0', 'w at there');
  t.match(conflict, {
    code: 'PROTOCOL',
    message: `w at there runs release 7.7.0, this side runs ${RELEASE}`,
  });
});
