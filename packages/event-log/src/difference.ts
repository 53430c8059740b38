/** What verifying finds in rows, in a form for people and for programs. */

/** A row that is not what the events say. */
export interface Difference {
  readonly table:
    | 'meta'
    | 'event'
    | 'stream'
    | 'head'
    | 'seen_run'
    | 'record'
    | 'sealed'
    | 'outbox'
    | 'inbox'
    | 'data';
  /** Stream id, `seq`, `upto`, record name, slot, or the number of a row in its order. */
  readonly key: string;
  readonly detail: string;
}
