/** Situations that must come up: what was never met is not tested. */

import type { CryptoName } from './case.ts';

/** Every situation there is a name for. */
export const SITUATIONS = [
  'simultaneous initiation',
  'message skipped and opened later',
  'first message without a one-time prekey',
  'first message with a one-time prekey',
  'one-time prekeys exhausted by a stranger',
  'prekeys replenished',
  'rejected round',
  'stale incarnation posted to',
  'post to a device that was gone',
  'device linked',
  'device removed',
  'removed device told so',
  'device reinstalled',
  'device put in the place of a lost one',
  'device linked under a former id',
  'user began anew under the same name',
  'changed key shown',
  'message waited for a key',
  'key accepted by an application',
  'message released by a key',
  'killed before a commit',
  'killed after a commit',
  'killed while the vault was written',
  'killed while starting',
  'machine rebooted',
  'request lost',
  'answer lost',
  'request repeated',
  'mail in another order',
  'same mail twice',
  'device cut off',
  'device heard but not answered',
  'state put back',
  'log put back alone',
  'vault put back alone',
  'rollback seen at opening',
  'rollback seen by the relay',
  'clone ran beside its original',
  'copy found itself replaced',
  'files copied by a thief who acts',
  'relay took a post of a thief',
  'relay took a post without a head',
  'device found its thief out',
  'thief shut out',
  'next incarnation registered',
  'clock set back',
  'release replaced by a later one',
  'release replaced while something waited',
  'clock set on',
  'relay hid heads',
  'relay gave an old list',
  'relay showed different lists',
  'relay gave an old signed prekey',
  'everybody cut off in turn',
  'relay kept one-time prekeys back',
  'relay dropped a post',
  'relay gave mail again',
  'relay gave mail in another name',
  'relay gave mail of another mailbox',
  'relay gave keys again and again',
  'relay made up prekey ids',
  'relay kept mail back',
  'relay said that nobody is there',
  'a resend found nobody there',
  'mail spoilt',
  'mail under a key that is gone',
  'message asked for again',
  'message sent again',
  'a resend healed',
  'repeat told as duplicate',
  'message to several users',
  'message to an own device',
  'burst of messages in one commit',
  'send failed',
  'mail came to a dead end',
  'list fetched for a stranger',
  'mailbox drained before deletion',
  'files seized',
  'vault behind its log when seized',
  'a send by a device that was cut off',
  'posts waited for a proof',
  'power lost',
  'log closed and opened again',
  'medium failed under a process',
  'disk full',
  'database busy under a process',
  'database busy at opening',
  'a sync that lied',
  'a bit rotted',
  'a bit of a row rotted',
  'damage refused by name',
  'both copies of slots lost',
  'one copy of slots lost, and the other taken',
  'files beyond opening',
  'retention changed',
  'old states pruned',
  'master key of a vault replaced',
  'message opened with a previous session',
  'session begun beside another',
  'session replaced after simultaneous initiation',
  'session too old to send',
  'session deleted for its age',
  'sessions of before a quarantine ended',
  'device marked stale',
  'record of a removed device dropped',
  'mail of a removed device read',
  'key of one more device seen',
  'heartbeat turn',
  'message to nobody',
  'signed prekey replaced for its age',
  'killed between the two writes of a flush',
  'killed between the rows and the vault',
  'killed in a send',
  'killed in a receive',
  'killed over an answer of the relay',
  'a commit in doubt was durable',
  'a commit in doubt was lost',
] as const;

/** The name of a situation. */
export type Situation = (typeof SITUATIONS)[number];

/** They take an adversary that decides what follows from what it has. */
const SYMBOLIC_ONLY: readonly Situation[] = ['files seized', 'vault behind its log when seized'];

/** The situations that can come up over these primitives. */
export function situationsOver(crypto: CryptoName): readonly Situation[] {
  return crypto === 'symbolic'
    ? SITUATIONS
    : SITUATIONS.filter((name) => !SYMBOLIC_ONLY.includes(name));
}

/** Two situations, as one word. */
export type SituationPair = `${string} + ${string}`;

/** Counts situations of a run, or of many. */
export class Situations {
  readonly counts: Map<string, number> = new Map();
  /** Those that came up in one and the same run; filled by {@link Situations.add}. */
  readonly pairs: Set<SituationPair> = new Set();

  /** One of ours, or one that somebody else has a name for. */
  met(situation: string): void {
    this.counts.set(situation, (this.counts.get(situation) ?? 0) + 1);
  }

  /** Takes over what one other run met; answers how many of its pairs no run before had. */
  add(run: Situations): number {
    const { size } = this.pairs;
    for (const [name, count] of run.counts) {
      this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    }
    for (const pair of pairsOf([...run.counts.keys()])) this.pairs.add(pair);
    return this.pairs.size - size;
  }

  /** Of these, what never came up. */
  missing(names: readonly string[]): string[] {
    return names.filter((name) => !this.counts.has(name));
  }
}

/** How many pairs so many situations make. */
export function pairCount(situations: number): number {
  return (situations * (situations - 1)) / 2;
}

function pairsOf(names: readonly string[]): SituationPair[] {
  const sorted = names.toSorted();
  return sorted.flatMap((one, i) =>
    sorted.slice(i + 1).map((other): SituationPair => `${one} + ${other}`),
  );
}
