/** `64MiB` → bytes. Throws INVALID, naming the text and the forms that are taken. */
export function parseSize(_text: string): number {
  throw new Error('not written yet');
}
/** `30s` → milliseconds. Throws INVALID likewise. */
export function parseDuration(_text: string): number {
  throw new Error('not written yet');
}
/** Bytes → `1.5 GiB`. */
export function formatSize(_bytes: number): string {
  throw new Error('not written yet');
}
