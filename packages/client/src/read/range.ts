/** A range of a file: bytes from its start, `to` left out. */
export interface Range {
  readonly from: number;
  readonly to: number;
}
