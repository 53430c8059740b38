/**
 * A case: everything that decides a run, as plain data. A seed draws one; a failing one is shrunk and
 * kept as JSON.
 */

/**
 * What logs last on: rows in memory, SQLite in memory, or SQLite and the vault in files on a disk that
 * loses power.
 */
export type StoreName = 'memory' | 'sqlite' | 'disk';

/** Which primitives a run uses. */
export type CryptoName = 'symbolic' | 'node' | 'noble';

/** A device, as actions name it: `ada-1` is the first of user `ada`. Labels are never used twice. */
export type Label = string;

/** Everything that may be done to a world. One that makes no sense where it stands does nothing. */
export type Deed =
  /** The application of a device sends so many lines. */
  | {
      readonly do: 'send';
      readonly by: Label;
      readonly to: readonly string[];
      readonly lines: number;
    }
  /** A further device is linked, named `as`. */
  | { readonly do: 'link'; readonly by: Label; readonly as: Label }
  /** A device is removed from its user's list by another. */
  | { readonly do: 'remove'; readonly by: Label; readonly who: Label }
  /** A device loses all it has; another one of its user removes it and links it anew as `as`. */
  | { readonly do: 'reinstall'; readonly who: Label; readonly by: Label; readonly as: Label }
  /** A device is lost; another one of its user links `as` in its place, by one list. */
  | { readonly do: 'replace'; readonly who: Label; readonly by: Label; readonly as: Label }
  /** A device is linked that chance gives the id which a removed one had, if nobody at home knows of it. */
  | { readonly do: 'relink'; readonly who: Label; readonly by: Label; readonly as: Label }
  /**
   * A user loses every device. The relay's owner lets it begin anew under its name: `as` has another identity
   * key, and the id that the lost device had.
   */
  | { readonly do: 'beginAnew'; readonly who: Label; readonly as: Label }
  /** The process is killed at its next storage operation but so many; 0: at once. */
  | { readonly do: 'crash'; readonly who: Label; readonly after: number }
  /** The machine starts again: its monotonic clock begins anew. */
  | { readonly do: 'reboot'; readonly who: Label }
  /** The device and the relay do not hear each other, or one does not hear the other. */
  | {
      readonly do: 'cut';
      readonly who: Label;
      readonly way: 'both' | 'up' | 'down';
      readonly forMs: number;
    }
  /** Its files are copied. */
  | { readonly do: 'backup'; readonly who: Label }
  /** Its files are put back to what the last copy has. */
  | { readonly do: 'putBack'; readonly who: Label; readonly what: 'log' | 'vault' | 'both' }
  /** A copy of its files is started beside it, named `as`. */
  | { readonly do: 'clone'; readonly who: Label; readonly as: Label }
  /**
   * A thief copies its files and acts in its name for a while, with a process named `as`: says to the relay
   * where its log stands, as devices do, or says nothing of it.
   */
  | {
      readonly do: 'compromise';
      readonly who: Label;
      readonly as: Label;
      readonly forMs: number;
      readonly how: 'openly' | 'silently';
    }
  /** Its wall clock is set on or back. */
  | { readonly do: 'setClock'; readonly who: Label; readonly byMs: number }
  /** A stranger takes all its one-time prekeys. */
  | { readonly do: 'exhaust'; readonly who: Label }
  /** The relay lies, for a while. */
  | { readonly do: 'lie'; readonly how: Lie; readonly forMs: number }
  /** One bit of the next mail that the device fetches is turned over. */
  | { readonly do: 'spoil'; readonly who: Label }
  /** An adversary copies the files of a device, with the vault's keys. */
  | { readonly do: 'seize'; readonly who: Label }
  /** The vault follows the log now. */
  | { readonly do: 'flush'; readonly who: Label }
  /** An action of somebody's own; whoever runs the case has to know it. */
  | { readonly do: 'own'; readonly name: string; readonly data: Json }
  | DiskDeed;

/** What may be done to a device's disk, and to how it keeps its log. */
export type DiskDeed =
  /** Power fails after so many storage operations; what was not synced may be lost or torn. */
  | { readonly do: 'losePower'; readonly who: Label; readonly after: number }
  /** The next syncs fail. */
  | { readonly do: 'failSyncs'; readonly who: Label; readonly count: number }
  /** The disk is full, for a while. */
  | { readonly do: 'fill'; readonly who: Label; readonly forMs: number }
  /** Another program holds the database, for longer than anybody waits for it. */
  | { readonly do: 'occupy'; readonly who: Label; readonly forMs: number }
  /** Syncs lie, until power fails the next time. */
  | { readonly do: 'lieSyncs'; readonly who: Label }
  /** So many bits of its files turn over. */
  | { readonly do: 'rot'; readonly who: Label; readonly bits: number }
  /** One bit of a row of its log turns over while no process has it open. */
  | { readonly do: 'rotRow'; readonly who: Label; readonly part: RowPart }
  /** Zeros lie where the vault had slots: in one copy of a page or of its header, or in both of a page. */
  | { readonly do: 'loseSlots'; readonly who: Label; readonly copies: 'one' | 'both' }
  /** Another retention: when the vault follows, how it erases, and whether old states are pruned. */
  | {
      readonly do: 'retain';
      readonly who: Label;
      readonly flushEvents: number;
      readonly wipe: 'strict' | 'lazy';
      readonly prunes: boolean;
    }
  /** The application closes its log, and opens it again after a while. */
  | { readonly do: 'lock'; readonly who: Label; readonly forMs: number }
  /** The vault's master key is replaced. */
  | { readonly do: 'rotate'; readonly who: Label }
  /** It goes on with a later release, which writes events in other forms. */
  | { readonly do: 'upgrade'; readonly who: Label };

/**
 * The sealed part of a row that rots: what an event says, the state it left, a post that waits, unread mail,
 * the name of a stream, what is known of a user, what the application keeps.
 */
export type RowPart = 'facts' | 'state' | 'post' | 'mail' | 'label' | 'record' | 'data';

/** What a part of a row is called. */
export const ROW_PARTS: readonly RowPart[] = [
  'facts',
  'state',
  'post',
  'mail',
  'label',
  'record',
  'data',
];

/** What JSON can say. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** What a relay that lies does. */
export type Lie =
  /** It gives no head back. */
  | 'hideHeads'
  /** It gives lists of before. */
  | 'oldLists'
  /** It hands out no one-time prekeys. */
  | 'noOneTimeKeys'
  /** It says a post was taken, and drops it. */
  | 'dropPosts'
  /** It gives mail again that was acknowledged. */
  | 'replayMail'
  /** It keeps mail back. */
  | 'holdMail'
  /** It hands out the first signed prekeys that devices ever had. */
  | 'oldPreKeys'
  /** It gives lists of before to some, and those of today to others. */
  | 'splitViews'
  /** It says of every message for one device alone, as a resend is, that nobody is there. */
  | 'nobodyThere';

/** What a lie is called. */
export const LIES: readonly Lie[] = [
  'hideHeads',
  'oldLists',
  'noOneTimeKeys',
  'dropPosts',
  'replayMail',
  'holdMail',
  'oldPreKeys',
  'splitViews',
  'nobodyThere',
];

/** A deed and when it is done, ms from the beginning. */
export type Action = Deed & { readonly atMs: number };

/** What holds for a whole run. Rates are probabilities for each time something could happen. */
export interface Knobs {
  /** Until here nothing breaks. */
  readonly calmMs: number;
  /** Until here everything may. */
  readonly spanMs: number;
  /** One-time prekeys a device begins with. */
  readonly oneTimeKeys: number;
  /** Whether each device of a user has an identity key of its own. */
  readonly identityModel: 'per-user' | 'per-device';
  /** How long a message takes one way, at least and at most. */
  readonly delayMs: readonly [least: number, most: number];
  /** Requests that do not reach the relay. */
  readonly lostRequests: number;
  /** Answers that do not come back. */
  readonly lostAnswers: number;
  /** Requests that reach the relay twice. */
  readonly repeated: number;
  /** Pages of mail that come in another order. */
  readonly shuffled: number;
  /** Notices of new mail that do not come. */
  readonly lostNotices: number;
  /** How long an application takes to acknowledge a message. */
  readonly readMs: number;
  /** Events after which the vault follows the log. */
  readonly flushEvents: number;
  /** Whether the vault is pages in memory or a file; on `disk` it is always a file. */
  readonly vault: 'memory' | 'file';
  /** Where processes are killed at random: names of storage operations. */
  readonly deadlySites: readonly string[];
  /** How often, of the times they are passed. */
  readonly killRate: number;
  /** How long until a device asks for mail by itself. */
  readonly pollMs: number;
  /** How often time is told to have passed. */
  readonly sweepMs: number;
  /** By up to how much the wall clocks of devices are wrong. */
  readonly skewMs: number;
  /** MAXLATENCY, where it is another than the usual one. */
  readonly latencyMs?: number;
  /** MAXSEND, where it is another than the usual one. */
  readonly sendMs?: number;
  /** What it takes to be sent to, where that is not the first key that was seen. */
  readonly trust?: 'tofu' | 'ask';
}

/** A run, before it ran. */
export interface Case {
  readonly format: 1;
  readonly seed: number;
  readonly crypto: CryptoName;
  readonly store: StoreName;
  readonly users: readonly string[];
  readonly knobs: Knobs;
  readonly actions: readonly Action[];
}

/** A case that failed, and how. */
export interface FailedCase extends Case {
  readonly failure: {
    /** The invariant that does not hold. */
    readonly invariant: string;
    readonly detail: string;
    /** What was planted, if it was. */
    readonly sabotage?: string;
    /** Hash of the trace up to there. */
    readonly trace: string;
  };
}
