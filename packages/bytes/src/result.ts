/** Outcomes as plain data: untrusted input is refused with a value, never with a throw. */

/** What a fallible step answers: `ok` tells which half is there. */
export type Result<T, E> = Ok<T> | Err<E>;

/** The successful half of a {@link Result}. */
export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

/** The refused half of a {@link Result}. */
export interface Err<E> {
  readonly ok: false;
  readonly error: E;
}

/** Wraps a value as success. */
export const ok = <T>(value: T): Ok<T> => ({ ok: true, value });

/** Wraps a refusal. */
export const err = <E>(error: E): Err<E> => ({ ok: false, error });
