/** Bytes that tell where they belong. */
export const pattern = (bytes: number, shared = false): Buffer => {
  const buffer = Buffer.from(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  for (let i = 0; i < bytes; i++) buffer[i] = (i * 31) ^ (i >>> 8);
  return buffer;
};
