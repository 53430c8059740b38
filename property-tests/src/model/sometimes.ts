/** Situations that must come up over a run, and how often they did: what was never met is not tested. */

/** Named situations; a run in which one never came up fails by that name. */
export const SITUATIONS = [
  'simultaneous initiation',
  'a first message beside a session',
  'opened on an inactive session',
  'opened on a session of before',
  'a list changed in the middle of a send',
  'rejected round',
  'stale incarnation',
  'asked to send again',
  'asked for an undamaged message',
  'sent again',
  'a resend healed',
  'the same message came resent',
  'repeat told as duplicate',
  'last resort',
  'one-time prekey',
  'late mail of a stale device was read',
  'device marked stale',
  'the record of a stale device was dropped',
  'user marked stale',
  'a post to a device that was gone',
  'mail came to a dead end',
  'identity refused',
  'a session was too old to send',
  'a send waited for a key',
  'mail waited for a key',
  'a resend waited for a key',
  'what waited for a key left',
  'a key was verified',
  'a key was refused',
  'a key that was shown was off the table',
  'a changed key was accepted',
  'a user came back with another identity',
  'quarantine',
  'a copy of a device runs',
  'the original was replaced',
  'the copy was replaced',
  'sessions of before a quarantine ended',
  'a send failed',
  'a send came to its time limit',
  'killed before a commit',
  'killed after a commit',
] as const;

/** The name of a situation. */
export type Situation = (typeof SITUATIONS)[number];

/** Counts situations and commands over many cases. */
export class Situations {
  readonly counts = new Map<string, number>();

  met(situation: Situation): void {
    this.#count(situation);
  }

  /** A command was carried out. */
  done(command: string): void {
    this.#count(command);
  }

  /** Of these, what never came up. */
  missing(names: readonly string[]): string[] {
    return names.filter((name) => (this.counts.get(name) ?? 0) === 0);
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}
