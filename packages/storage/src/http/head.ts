/** The head of an HTTP/1.1 answer (RFC 9112). Strict where two readers could disagree on where the body ends. */
import { malformed } from './errors.js';

export interface ResponseHead {
  readonly status: number;
  /** By lower-case name; what came several times is joined by a comma and a space. */
  readonly headers: ReadonlyMap<string, string>;
  /** How the body ends: after a number of bytes, by its own last chunk, or with the connection. */
  readonly framing: { readonly bytes: number } | 'chunked' | 'close';
  /** How long the server keeps the connection for another request, in ms; Infinity: it does not say. 0: not at all. */
  readonly keptForMs: number;
}

/** `text`: the lines of a head, without the empty one that ends it. Throws HTTP_MALFORMED. */
export function parseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const start = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(lines[0]!);
  if (!start) throw malformed(`it begins with ${JSON.stringify(lines[0]!.slice(0, 40))}`);
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    // No space before the colon, and no folded lines: both have been used to smuggle.
    if (colon <= 0 || !TOKEN.test(line.slice(0, colon))) throw malformed('a header without a name');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const status = Number(start[2]);
  const framing = framingOf(status, headers);
  const isKept = start[1] === '1' && framing !== 'close' && !hasToken(headers.get('connection'), 'close');
  return { status, headers, framing, keptForMs: isKept ? keptForMs(headers.get('keep-alive')) : 0 };
}

function framingOf(status: number, headers: ReadonlyMap<string, string>): ResponseHead['framing'] {
  if (status < 200 || status === 204 || status === 304) return { bytes: 0 };
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (coding !== undefined) {
    if (length !== undefined) throw malformed('both a length and a transfer coding');
    if (coding.toLowerCase() !== 'chunked') throw malformed(`transfer coding ${coding}`);
    return 'chunked';
  }
  if (length === undefined) return 'close';
  const bytes = /^\d+$/.test(length) ? Number(length) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw malformed(`content-length ${length}`);
  return { bytes };
}

function keptForMs(hint: string | undefined): number {
  const seconds = /(?:^|[\s,])timeout\s*=\s*(\d+)/i.exec(hint ?? '')?.[1];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
}

const hasToken = (value: string | undefined, token: string): boolean =>
  value?.split(',').some((one) => one.trim().toLowerCase() === token) ?? false;

const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
