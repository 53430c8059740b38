/** Bugs, and only bugs, throw. */

/** Thrown by {@link invariant}: our own code broke a promise; nobody catches it to go on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Asserts what must hold by construction.
 *
 * Throws: {@link InvariantError} with `why`, which must name no secret and no user input.
 */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new InvariantError(`Invariant broken: ${why}`);
}

/** Marks a branch the type checker proves unreachable. Throws: {@link InvariantError}. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable: ${typeof value}`);
}
