/**
 * Who may talk. Both sides prove that they hold the shared secret, and it never crosses the wire:
 *
 *     client → HELLO (nonce, release, name)      server → HELLO (nonce, release, name)
 *     client → PROOF (HMAC)                      server → PROOF (HMAC)
 *
 * A proof is HMAC-SHA256 under the secret over the prover's role and both hellos whole: fresh by the nonces, bound to
 * what was said, and never the other side's proof sent back. The client proves first, so that a stranger who dials a
 * server learns nothing to try secrets on. Challenge–response as in ISO/IEC 9798-4, three-pass mutual.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FRAME_VERSION, RELEASE, TidecacheError } from '@tidecache/protocol';
import { MAX_HELLO_NAME_BYTES, MAX_HELLO_RELEASE_BYTES } from './limits.js';

export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;

export type Role = 'client' | 'server';

export interface Hello {
  readonly frameVersion: number;
  readonly nonce: Buffer;
  readonly release: string;
  readonly name: string;
}

/** This side's hello, with a fresh nonce. `release` is another than our own in tests alone. */
export function createHello(name: string, release: string = RELEASE): Hello {
  return { frameVersion: FRAME_VERSION, nonce: randomBytes(NONCE_BYTES), release, name };
}

/** Frame version (1), nonce (32), release (its length in 1, then itself), name (length in 2, itself). */
export function encodeHello(hello: Hello): Buffer {
  const release = Buffer.from(hello.release);
  const name = Buffer.from(hello.name);
  if (release.length > MAX_HELLO_RELEASE_BYTES || name.length > MAX_HELLO_NAME_BYTES) {
    throw new TidecacheError(
      'INVALID',
      `the name ${hello.name} is too long: at most ${MAX_HELLO_NAME_BYTES} bytes`,
    );
  }
  const nameLength = Buffer.alloc(2);
  nameLength.writeUInt16LE(name.length);
  return Buffer.concat([
    Buffer.of(hello.frameVersion),
    hello.nonce,
    Buffer.of(release.length),
    release,
    nameLength,
    name,
  ]);
}

/** Throws PROTOCOL when the bytes are no hello. */
export function decodeHello(bytes: Buffer): Hello {
  let at = 0;
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) {
      throw new TidecacheError('PROTOCOL', `bad hello: it ends at byte ${bytes.length}`);
    }
    at += count;
    return bytes.subarray(at - count, at);
  };
  const frameVersion = take(1).readUInt8();
  const nonce = Buffer.from(take(NONCE_BYTES));
  const release = take(take(1).readUInt8()).toString();
  const name = take(take(2).readUInt16LE()).toString();
  return { frameVersion, nonce, release, name };
}

/** The proof that `role` holds `secret`, for the two hellos as they crossed the wire. */
export function createProof(secret: string, role: Role, clientHello: Buffer, serverHello: Buffer): Buffer {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(clientHello.length, 0);
  lengths.writeUInt32LE(serverHello.length, 4);
  return createHmac('sha256', secret)
    .update(`tidecache-handshake-v1:${role}:`)
    .update(lengths)
    .update(clientHello)
    .update(serverHello)
    .digest();
}

/** Compares in constant time. */
export function proofAgrees(expected: Buffer, given: Buffer): boolean {
  return given.length === PROOF_BYTES && timingSafeEqual(expected, given);
}

/** Releases of one major.minor understand each other. Undefined when they do. */
export function releaseConflict(mine: string, theirs: string, where: string): TidecacheError | undefined {
  if (minorOf(mine) === minorOf(theirs)) return undefined;
  return new TidecacheError(
    'PROTOCOL',
    `${where} runs release ${theirs}, this side runs ${mine}: run the same release on both`,
  );
}

const minorOf = (release: string) => release.split('.').slice(0, 2).join('.');

/** What either end says when a proof is wrong. */
export function wrongSecret(where: string): TidecacheError {
  return new TidecacheError(
    'ACCESS_DENIED',
    `the secret of ${where} differs from this side's: check TIDECACHE_SECRET / --secret-file on both sides`,
  );
}

/** Throws INVALID: an empty secret would be no secret. */
export function checkSecret(secret: string): void {
  if (secret !== '') return;
  throw new TidecacheError('INVALID', 'the shared secret is empty: set TIDECACHE_SECRET or --secret-file');
}
