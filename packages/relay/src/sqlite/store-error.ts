/** What a store throws: the environment failed it. */

/** Why a store cannot be used. */
export type RelayStoreErrorCode =
  /** The file is no relay's, is from a newer version, or holds what cannot be read. */
  | 'DAMAGED'
  /** Another relay has the file open. */
  | 'IN_USE'
  /** WAL or full synchronisation cannot be had here, or SQLite is too old. */
  | 'NOT_DURABLE';

/** Thrown by a store whose file or machine does not keep its promises. */
export class RelayStoreError extends Error {
  override readonly name = 'RelayStoreError';
  readonly code: RelayStoreErrorCode;

  constructor(code: RelayStoreErrorCode, what: string) {
    super(what);
    this.code = code;
  }
}
