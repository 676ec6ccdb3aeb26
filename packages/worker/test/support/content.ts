/** Bytes that tell where they come from: every word is made of the file version and its place. */
export function contentOf(name: string, offset: number, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  writeContent(name, offset, out);
  return out;
}

export function writeContent(name: string, offset: number, into: Uint8Array): void {
  const seed = hash(name);
  const firstWord = Math.floor(offset / 4);
  const words = new Uint32Array(Math.ceil((offset + into.length) / 4) - firstWord);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(seed ^ (firstWord + i), 0x9e3779b1);
  into.set(new Uint8Array(words.buffer, offset - firstWord * 4, into.length));
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
