/** ListObjectsV2 over sorted keys: each page costs its own length, however many keys there are. */

const MAX_KEYS = 1000;
const MODIFIED = '2026-01-02T03:04:05.000Z';

export function createListing(sizes: ReadonlyMap<string, number>) {
  const keys = [...sizes.keys()].sort();

  /** The index of the first key that is not before `key`. */
  function from(key: string): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return (query: URLSearchParams, etagOf: (key: string) => string): string => {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const limit = Math.min(MAX_KEYS, Number(query.get('max-keys') ?? MAX_KEYS));
    const token = query.get('continuation-token');
    let at = from(token === null ? prefix : Buffer.from(token, 'base64url').toString());
    const parts: string[] = [];
    while (at < keys.length && keys[at]!.startsWith(prefix) && parts.length < limit) {
      const key = keys[at]!;
      const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      if (end < 0) {
        const facts = `<ETag>&quot;${etagOf(key)}&quot;</ETag><Size>${sizes.get(key)}</Size>`;
        parts.push(`<Contents><Key>${key}</Key><LastModified>${MODIFIED}</LastModified>${facts}</Contents>`);
        at++;
      } else {
        const common = key.slice(0, end + 1);
        parts.push(`<CommonPrefixes><Prefix>${common}</Prefix></CommonPrefixes>`);
        at = from(`${key.slice(0, end)}${String.fromCharCode(delimiter.charCodeAt(0) + 1)}`);
      }
    }
    const more = at < keys.length && keys[at]!.startsWith(prefix);
    const next = more ? Buffer.from(keys[at]!).toString('base64url') : '';
    return (
      `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>bench</Name><Prefix>${prefix}</Prefix>` +
      `<KeyCount>${parts.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${more}</IsTruncated>` +
      `${more ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}${parts.join('')}</ListBucketResult>`
    );
  };
}
