/**
 * What the coordinator saw happen, in order: the only thing expected deliveries are computed from.
 * It is also written beside the logs, one JSON object a line.
 */

/** Why a host process was killed: what was in flight in it. */
export type KillKind = 'send' | 'receive' | 'flush';

/** One device of one user. */
export interface DeviceName {
  readonly user: string;
  readonly device: number;
}

/** One thing that happened. */
export type JournalEntry =
  /** A user's device list changed and became this version at the relay. */
  | (DeviceName & {
      readonly type: 'created' | 'linked' | 'removed';
      readonly version: number;
    })
  /** A line was given to a device; again, after that device's process was killed. */
  | (DeviceName & {
      readonly type: 'issued';
      readonly line: number;
      readonly messageId: string;
    })
  /** The relay took a line for a recipient user whose list had this version. */
  | {
      readonly type: 'accepted';
      readonly line: number;
      readonly user: string;
      readonly version: number;
    }
  /** The relay did not take a line for a recipient user. */
  | {
      readonly type: 'refused';
      readonly line: number;
      readonly user: string;
      readonly reason: string;
    }
  /** An application's record and its acknowledgement were committed. */
  | (DeviceName & { readonly type: 'acknowledged'; readonly messageId: string })
  /** Everybody has an account and the first line is about to go out. */
  | { readonly type: 'started' }
  | (DeviceName & { readonly type: 'dropped' })
  | {
      readonly type: 'killed';
      readonly process: number;
      readonly pid: number;
      readonly kind: KillKind;
      readonly site: string;
    }
  | { readonly type: 'relayKilled'; readonly pid: number; readonly site: string }
  | { readonly type: 'restarted'; readonly what: string; readonly pid: number };

/** A device's name as a key and in paths of the journal. */
export function deviceKey({ user, device }: DeviceName): string {
  return `${user}.${device}`;
}
