/** What goes wrong between a request and the end of its answer, beyond what the socket itself says. */
export type HttpErrorCode =
  | 'HTTP_CONNECT_TIMEOUT'
  | 'HTTP_SILENCE'
  | 'HTTP_MALFORMED'
  | 'HTTP_CUT'
  | 'HTTP_CLOSED';

export class HttpError extends Error {
  constructor(
    readonly code: HttpErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export const malformed = (what: string): HttpError =>
  new HttpError('HTTP_MALFORMED', `the answer is not HTTP/1.1: ${what}`);
