/** Situations that must come up: what was never met is not tested. */

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
  'next incarnation registered',
  'clock set back',
  'clock set on',
  'relay hid heads',
  'relay gave an old list',
  'relay kept one-time prekeys back',
  'relay dropped a post',
  'relay gave mail again',
  'relay kept mail back',
  'mail spoilt',
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
  'commit in doubt was there',
  'commit in doubt was not there',
  'log closed and opened again',
  'medium failed under a process',
  'disk full',
  'a sync that lied',
  'a bit rotted',
  'files beyond opening',
  'retention changed',
  'old states pruned',
  'master key of a vault replaced',
] as const;

/** The name of a situation. */
export type Situation = (typeof SITUATIONS)[number];

/** Counts situations over many runs. */
export class Situations {
  readonly counts: Map<Situation, number> = new Map();

  met(situation: Situation): void {
    this.counts.set(situation, (this.counts.get(situation) ?? 0) + 1);
  }

  /** Takes over what another run met. */
  add(other: Situations): void {
    for (const [name, count] of other.counts) {
      this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    }
  }

  /** What never came up. */
  missing(): Situation[] {
    return SITUATIONS.filter((name) => !this.counts.has(name));
  }
}
