/** Handles of the symbolic backend: the one place that looks into them. */

import { invariant } from '@simsim/bytes';
import { ROLE_LENGTHS } from '@simsim/crypto';
import type { Role, Secret } from '@simsim/crypto';
import type { Term } from './terms.ts';

/** What stands behind a handle. */
class SymbolicSecret {
  readonly role: Role;
  term: Term | undefined;

  constructor(role: Role, term: Term) {
    this.role = role;
    this.term = term;
  }
}

/** A handle of a term. */
export function toSecret<R extends Role>(role: R, term: Term): Secret<R> {
  const secret: unknown = new SymbolicSecret(role, term);
  return secret as Secret<R>;
}

/** The term of a handle. Using one that was wiped is a bug, which real backends do not see. */
export function termOf(secret: Secret): Term {
  const held: unknown = secret;
  invariant(held instanceof SymbolicSecret, 'a secret of this backend');
  const { term, role } = held;
  if (term === undefined) invariant(false, `a ${role} key that was wiped is not used again`);
  return term;
}

/** How many bytes a handle is written as. */
export function lengthOf(secret: Secret): number {
  const held: unknown = secret;
  invariant(held instanceof SymbolicSecret, 'a secret of this backend');
  return ROLE_LENGTHS[held.role];
}

/** The handle forgets its term. */
export function forget(secret: Secret): void {
  const held: unknown = secret;
  invariant(held instanceof SymbolicSecret, 'a secret of this backend');
  held.term = undefined;
}

/** One handle for each role, in order, as KDFs answer them. */
export function toSecrets<T>(roles: readonly Role[], make: (role: Role, i: number) => Secret): T {
  return roles.map(make) as T;
}
