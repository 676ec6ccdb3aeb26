/**
 * The one table of errors. A code crosses the wire as its number; errno appears only at the FUSE edge.
 */
export type ErrorClass =
  | 'absent' // what was asked for is not there
  | 'refused' // it is there, and the answer is no
  | 'changed' // it is no longer what it was
  | 'busy' // later, or elsewhere
  | 'unreachable' // nobody answered
  | 'broken' // the answer can't be trusted
  | 'usage'; // the question was wrong

interface ErrorRow {
  /** The code on the wire. Never reused, never renumbered. */
  readonly wire: number;
  readonly class: ErrorClass;
  /** Whether the same request may succeed elsewhere or later. */
  readonly retryable: boolean;
  readonly errno: string;
}

export const ERRORS = {
  NOT_FOUND: { wire: 1, class: 'absent', retryable: false, errno: 'ENOENT' },
  NOT_A_DIRECTORY: { wire: 2, class: 'usage', retryable: false, errno: 'ENOTDIR' },
  IS_A_DIRECTORY: { wire: 3, class: 'usage', retryable: false, errno: 'EISDIR' },
  NAME_TOO_LONG: { wire: 4, class: 'usage', retryable: false, errno: 'ENAMETOOLONG' },
  READ_ONLY: { wire: 5, class: 'refused', retryable: false, errno: 'EROFS' },
  /** The file is no longer the version that the handle is pinned to. */
  STALE: { wire: 6, class: 'changed', retryable: false, errno: 'ESTALE' },
  /** The origin, or the cluster, refused the credentials. */
  ACCESS_DENIED: { wire: 7, class: 'refused', retryable: false, errno: 'EACCES' },
  /** Full or overloaded, said at once. */
  BUSY: { wire: 8, class: 'busy', retryable: true, errno: 'EAGAIN' },
  TIMEOUT: { wire: 9, class: 'unreachable', retryable: true, errno: 'ETIMEDOUT' },
  UNREACHABLE: { wire: 10, class: 'unreachable', retryable: true, errno: 'EIO' },
  /** A checksum or a length did not agree. */
  CORRUPT: { wire: 11, class: 'broken', retryable: true, errno: 'EIO' },
  /** The peer broke the protocol, or speaks another version. */
  PROTOCOL: { wire: 12, class: 'broken', retryable: false, errno: 'EIO' },
  INVALID: { wire: 13, class: 'usage', retryable: false, errno: 'EINVAL' },
  ALREADY_EXISTS: { wire: 14, class: 'refused', retryable: false, errno: 'EEXIST' },
  /** The origin itself failed (5xx, I/O error). */
  ORIGIN_FAILED: { wire: 15, class: 'unreachable', retryable: true, errno: 'EIO' },
  NO_SPACE: { wire: 16, class: 'refused', retryable: false, errno: 'ENOSPC' },
  UNSUPPORTED: { wire: 17, class: 'usage', retryable: false, errno: 'EOPNOTSUPP' },
  CANCELLED: { wire: 18, class: 'unreachable', retryable: true, errno: 'EINTR' },
  NOT_EMPTY: { wire: 19, class: 'refused', retryable: false, errno: 'ENOTEMPTY' },
  /** A bug of ours: the cause is logged where it happened. */
  INTERNAL: { wire: 20, class: 'broken', retryable: false, errno: 'EIO' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

const byWire = new Map<number, ErrorCode>(
  Object.entries(ERRORS).map(([code, row]) => [row.wire, code as ErrorCode]),
);

/** What every package throws. The message says what failed, on what, why, and what to do. */
export class TidecacheError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TidecacheError';
    this.code = code;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** The errno's name, for the FUSE edge alone. */
  get errno(): string {
    return ERRORS[this.code].errno;
  }
}

/** The code of a number from the wire; an unknown one is a peer's newer error: INTERNAL. */
export function errorCodeOf(wire: number): ErrorCode {
  return byWire.get(wire) ?? 'INTERNAL';
}

/** Anything thrown, as one of ours. What is not ours already becomes `code` with the cause kept. */
export function asTidecacheError(thrown: unknown, code: ErrorCode = 'INTERNAL', doing = ''): TidecacheError {
  if (thrown instanceof TidecacheError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new TidecacheError(code, doing ? `${doing}: ${reason}` : reason, { cause: thrown });
}
