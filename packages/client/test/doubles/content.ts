/** The bytes of a version, made up from its name: any two versions differ at any offset, almost surely. */
const SIZE = 1 << 20;
const noise = new Map<string, Buffer>();

function noiseOf(version: string): Buffer {
  let bytes = noise.get(version);
  if (!bytes) {
    bytes = Buffer.allocUnsafe(SIZE + 7);
    let state = 0;
    for (const char of version) state = (Math.imul(state, 31) + char.charCodeAt(0)) >>> 0;
    for (let i = 0; i < bytes.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[i] = state >>> 24;
    }
    noise.set(version, bytes);
  }
  return bytes;
}

/** Bytes `from` to `to` of a version. The period is odd, so that a block in the place of another shows. */
export function contentOf(version: string, from: number, to: number): Buffer {
  const source = noiseOf(version);
  const out = Buffer.allocUnsafe(to - from);
  for (let at = from; at < to; ) {
    const start = at % source.length;
    const length = Math.min(source.length - start, to - at);
    source.copy(out, at - from, start, start + length);
    at += length;
  }
  return out;
}
