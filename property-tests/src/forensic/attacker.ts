/**
 * Somebody who has the bytes of a medium and some keys, and every secret there ever was to compare
 * with: what can be read in the clear, what can be opened, and what follows from it. Knows no format
 * of ours; a ciphertext counts as readable wherever its first bytes are.
 */

import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import type { Role } from '@simsim/crypto';
import { findNeedles, needleOf } from './byte-search.ts';
import type { TraceEntry } from './trace.ts';

type Sealed = Extract<TraceEntry, { type: 'sealed' }>;
type Derived = Extract<TraceEntry, { type: 'derived' }>;

/** All that processes of one log did with secrets. */
export class SecretTrace {
  /** Every secret that ever was, with the roles it was seen in. */
  readonly roles: Map<string, Set<Role>> = new Map<string, Set<Role>>();
  /** Texts of messages, as hex; they are looked for like secrets. */
  readonly #texts = new Set<string>();
  readonly #sealed: Sealed[] = [];
  readonly #derived: Derived[] = [];

  add(entries: readonly TraceEntry[]): void {
    for (const entry of entries) {
      if (entry.type === 'sealed') this.#sealed.push(entry);
      if (entry.type === 'derived') this.#derived.push(entry);
      if (entry.type !== 'secret') continue;
      const roles = this.roles.get(entry.secret) ?? new Set<Role>();
      this.roles.set(entry.secret, roles.add(entry.role));
    }
  }

  addTexts(texts: readonly string[]): void {
    for (const text of texts) this.#texts.add(bytesToHex(encodeUtf8(text)));
  }

  /** Of these secrets, the ones that are texts and can be told apart. */
  texts(secrets: Iterable<string> = this.#texts): string[] {
    return [...secrets].filter(
      (secret) => this.#texts.has(secret) && needleOf(secret) !== undefined,
    );
  }

  /** Secrets and texts that stand in these bytes as they are. */
  secretsIn(bytes: Uint8Array): string[] {
    const byNeedle = new Map<string, string[]>();
    for (const secret of [...this.roles.keys(), ...this.#texts]) {
      const needle = needleOf(secret);
      if (needle !== undefined) byNeedle.set(needle, [...(byNeedle.get(needle) ?? []), secret]);
    }
    const found = findNeedles(bytes, new Set(byNeedle.keys()));
    return [...found].flatMap((needle) => byNeedle.get(needle) ?? []);
  }

  /** What follows from secrets alone. */
  closure(known: Iterable<string>): Set<string> {
    const all = new Set(known);
    for (let grew = true; grew;) {
      grew = false;
      for (const { from, to } of this.#derived) {
        if (!from.every((input) => all.has(input) || !this.roles.has(input))) continue;
        for (const secret of to) {
          if (all.has(secret)) continue;
          all.add(secret);
          grew = true;
        }
      }
    }
    return all;
  }

  /** What follows from secrets and a medium. */
  attack(medium: Uint8Array, keys: readonly string[]): Set<string> {
    const headOf = ({ ciphertext }: Sealed): string | undefined =>
      needleOf(bytesToHex(ciphertext.subarray(0, 64)));
    const heads = new Set(this.#sealed.flatMap((sealed) => headOf(sealed) ?? []));
    const present = findNeedles(medium, heads);
    let boxes = this.#sealed.filter((sealed) => present.has(headOf(sealed) ?? ''));
    let known = this.closure([...keys, ...this.secretsIn(medium)]);
    for (let grew = true; grew;) {
      const opened = boxes.filter(({ key }) => known.has(key));
      boxes = boxes.filter(({ key }) => !known.has(key));
      const size = known.size;
      const plaintexts = opened.flatMap(({ plaintext }) => this.secretsIn(plaintext));
      known = this.closure([...known, ...plaintexts]);
      grew = known.size > size;
    }
    return known;
  }
}

/** Roles of what a session, a prekey or an agreement is made of; the log's own keys are not. */
const PROTOCOL_ROLES: ReadonlySet<Role> = new Set([
  'root',
  'chain',
  'seed',
  'message',
  'shared',
  'dh',
  'kem',
  'kemShared',
  'pqAuth',
]);

/** Of these, the ones that protect messages. */
export function protocolSecrets(trace: SecretTrace, secrets: Iterable<string>): string[] {
  return [...secrets].filter((secret) =>
    [...(trace.roles.get(secret) ?? [])].some((role) => PROTOCOL_ROLES.has(role)),
  );
}
