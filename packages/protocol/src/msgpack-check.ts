/**
 * Walks msgpack without decoding it: every length must be covered by bytes that are there, and nesting is bounded.
 * Only the types that plain JSON-like values need are allowed; extension types are refused.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
const MAX_DEPTH = 16;

/** Undefined when `bytes` is exactly one safe value; else what is wrong. */
export function checkMsgpack(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength;
  /** Values still to read at each depth. */
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const top = open.length - 1;
    if (open[top] === 0) {
      open.pop();
      continue;
    }
    open[top]!--;
    if (at >= end) return `msgpack ends inside a value, at byte ${at}`;
    const type = bytes[at++]!;
    let skip = 0;
    let children = 0;
    if (type <= 0x7f || type >= 0xe0) skip = 0;
    else if (type <= 0x8f) children = (type & 0x0f) * 2;
    else if (type <= 0x9f) children = type & 0x0f;
    else if (type <= 0xbf) skip = type & 0x1f;
    else {
      const lengthBytes = LENGTH_BYTES[type]!;
      if (lengthBytes < 0) return `msgpack type 0x${type.toString(16)} is not allowed`;
      if (at + lengthBytes > end) return `msgpack ends inside a length, at byte ${at}`;
      const length =
        lengthBytes === 0
          ? 0
          : lengthBytes === 1
            ? view.getUint8(at)
            : lengthBytes === 2
              ? view.getUint16(at)
              : view.getUint32(at);
      at += lengthBytes;
      skip = FIXED_BYTES[type]!;
      if (skip < 0) {
        skip = 0;
        if (type >= 0xde) children = length * 2;
        else if (type >= 0xdc) children = length;
        else skip = length;
      }
    }
    if (at + skip > end) return `msgpack claims ${skip} bytes, ${end - at} are left`;
    at += skip;
    if (children > 0) {
      // Each child takes a byte at least: a count that the rest can't hold is a lie.
      if (children > end - at) return `msgpack claims ${children} values, ${end - at} bytes are left`;
      if (open.length >= MAX_DEPTH) return `msgpack nests deeper than ${MAX_DEPTH}`;
      open.push(children);
    }
  }
  return at === end ? undefined : `msgpack is followed by ${end - at} bytes`;
}

/** By type byte: bytes of the length field; -1 for a type that is refused. */
const LENGTH_BYTES = new Int8Array(256).fill(-1);
/** By type byte: bytes of the value; -1 when the length field tells. */
const FIXED_BYTES = new Int8Array(256).fill(-1);
const fixed = (type: number, bytes: number) => {
  LENGTH_BYTES[type] = 0;
  FIXED_BYTES[type] = bytes;
};
for (const type of [0xc0, 0xc2, 0xc3]) fixed(type, 0); // nil, false, true
for (const [type, bytes] of [
  [0xca, 4],
  [0xcb, 8],
] as const)
  fixed(type, bytes); // floats
for (const [i, bytes] of [1, 2, 4, 8].entries()) {
  fixed(0xcc + i, bytes); // unsigned
  fixed(0xd0 + i, bytes); // signed
}
for (const [i, bytes] of [1, 2, 4].entries()) {
  LENGTH_BYTES[0xc4 + i] = bytes; // bin
  LENGTH_BYTES[0xd9 + i] = bytes; // str
}
for (const [i, bytes] of [2, 4].entries()) {
  LENGTH_BYTES[0xdc + i] = bytes; // array
  LENGTH_BYTES[0xde + i] = bytes; // map
}
