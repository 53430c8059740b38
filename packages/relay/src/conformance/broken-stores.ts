/** The suite's own saboteurs: relay stores that break one promise each. Every one must be caught. */

import { bytesToHex } from '@simsim/bytes';
import type { Change } from '../core/change.ts';
import type { AnsweredClaim, Slice, SliceQuery } from '../core/slice.ts';
import type { RelayStore, RelayTransaction } from '../core/store.ts';

/** A way to break a sound store. */
export interface StoreSaboteur {
  readonly name: string;
  /** The case that must fail. */
  readonly caughtBy: string;
  readonly sabotage: (store: RelayStore) => RelayStore;
}

/** At least one for each case. */
export const STORE_SABOTEURS: readonly StoreSaboteur[] = [
  {
    name: 'keeps the current list alone',
    caughtBy: 'keeps the lists of before, so many, and hands them out from a version on',
    sabotage: reading(({ succession, ...slice }) =>
      succession === undefined
        ? slice
        : { ...slice, succession: { ...succession, lists: succession.lists.slice(-1) } },
    ),
  },
  {
    name: 'loses what is sealed for a device',
    caughtBy: 'keeps what was last sealed for a device, as long as there is the device',
    sabotage: changing((change) => (change.kind === 'identitySealed' ? [] : [change])),
  },
  {
    name: 'commits each change at once',
    caughtBy: 'undoes every kind of change when the work throws, after any number of them',
    sabotage: committingAtOnce,
  },
  {
    name: 'applies changes at the end of a transaction',
    caughtBy: 'reads inside a transaction what was changed before',
    sabotage: applyingLate,
  },
  {
    name: 'numbers the mail that is there',
    caughtBy: 'never gives a mailbox number twice',
    sabotage: reading(({ mail, ...slice }) =>
      mail === undefined
        ? slice
        : {
            ...slice,
            mail: { ...mail, mail: mail.mail.map((row, i) => ({ ...row, seq: i + 1 })) },
          },
    ),
  },
  {
    name: 'counts mail once more when it is acknowledged',
    caughtBy: 'counts what waits, and acknowledging is idempotent',
    sabotage: countingEverything,
  },
  {
    name: 'pages a mailbox by count alone',
    caughtBy: 'pages a mailbox by count and by bytes, always giving at least one',
    sabotage: asking((query) =>
      query.mail === undefined ? query : { ...query, mail: { ...query.mail, bytesMax: 1e9 } },
    ),
  },
  {
    name: 'forgets who took what was left for a link',
    caughtBy: 'keeps what was left for a link for whoever took it by name',
    sabotage: changing((change) =>
      change.kind === 'linkTaken' ? [{ kind: 'linkTaken', address: change.address }] : [change],
    ),
  },
  {
    name: 'compares the beginning of a token hash',
    caughtBy: 'knows a caller by the whole hash of the token',
    sabotage: comparingPrefixes,
  },
  {
    name: 'remembers posts of removed devices',
    caughtBy: 'a removed device leaves nothing behind for a later one with its id',
    sabotage: rememberingPosts,
  },
  {
    name: 'renews a device by removing it',
    caughtBy: 'a renewed device keeps its mail, and has neither token, keys nor head of before',
    sabotage: changing((change) =>
      change.kind === 'deviceRenewed'
        ? [
            { kind: 'deviceRemoved', device: change.device },
            { ...change, kind: 'deviceAdded' },
          ]
        : [change],
    ),
  },
  {
    name: 'goes on handing out one-time prekeys after it was put back',
    caughtBy: 'forgets the one-time prekeys that nobody has, and no counter of ids',
    sabotage: (store) => ({ ...unbound(store), forgetOneTimeKeys: () => undefined }),
  },
  {
    name: 'remembers every claim',
    caughtBy: 'remembers the newest claims of a device, so many',
    sabotage: rememberingClaims,
  },
  {
    name: 'never forgets',
    caughtBy: 'prunes what expired and keeps the rest',
    sabotage: (store) => ({ ...unbound(store), prune: () => undefined }),
  },
  {
    name: 'forgets a moment too early',
    caughtBy: 'prunes what expired and keeps the rest',
    sabotage: (store) => ({
      ...unbound(store),
      prune: ({ nowMs, beforeMs = 0 }) => store.prune({ nowMs: nowMs + 1, beforeMs: beforeMs + 1 }),
    }),
  },
  {
    name: 'answers before an acknowledgement lasts',
    caughtBy: 'everything committed is there after a kill, and numbers go on',
    sabotage: acknowledgingLate,
  },
  {
    name: 'commits each change at once, which a kill shows',
    caughtBy: 'a transaction that a kill interrupts is not there at all',
    sabotage: committingAtOnce,
  },
];

/** A store's functions without the store, to be replaced one by one. */
function unbound(store: RelayStore): RelayStore {
  return {
    transact: (work) => store.transact(work),
    read: (query) => store.read(query),
    prune: (expiry) => store.prune(expiry),
    forgetOneTimeKeys: () => store.forgetOneTimeKeys(),
    close: () => store.close(),
  };
}

/** Every reading and writing goes through these, inside transactions too. */
interface Detours {
  readonly read?: (query: SliceQuery, read: (query: SliceQuery) => Slice) => Slice;
  readonly apply?: (changes: readonly Change[]) => readonly Change[];
}

function through(store: RelayStore, { read, apply }: Detours): RelayStore {
  const reads = (from: Pick<RelayStore, 'read'>) => (query: SliceQuery) => {
    const plain = (asked: SliceQuery): Slice => from.read(asked);
    return read === undefined ? plain(query) : read(query, plain);
  };
  return {
    ...unbound(store),
    read: reads(store),
    transact: (work) =>
      store.transact((transaction) =>
        work({
          read: reads(transaction),
          apply: (changes) => transaction.apply(apply?.(changes) ?? changes),
        }),
      ),
  };
}

function reading(change: (slice: Slice) => Slice): StoreSaboteur['sabotage'] {
  return (store) => through(store, { read: (query, read) => change(read(query)) });
}

function asking(change: (query: SliceQuery) => SliceQuery): StoreSaboteur['sabotage'] {
  return (store) => through(store, { read: (query, read) => read(change(query)) });
}

function changing(change: (each: Change) => readonly Change[]): StoreSaboteur['sabotage'] {
  return (store) => through(store, { apply: (changes) => changes.flatMap(change) });
}

function rememberingClaims(store: RelayStore): RelayStore {
  const claims = new Map<string, AnsweredClaim>();
  return through(store, {
    apply(changes) {
      for (const change of changes)
        if (change.kind === 'claimAnswered') claims.set(change.claimId, change);
      return changes;
    },
    read(query, read) {
      const claim = query.claim && claims.get(query.claim);
      return { ...read(query), ...(claim && { claim }) };
    },
  });
}

function committingAtOnce(store: RelayStore): RelayStore {
  return {
    ...unbound(store),
    transact: (work) =>
      work({
        read: (query) => store.read(query),
        apply: (changes) => store.transact((transaction) => transaction.apply(changes)),
      }),
  };
}

function applyingLate(store: RelayStore): RelayStore {
  return {
    ...unbound(store),
    transact: (work) =>
      store.transact((transaction: RelayTransaction) => {
        const late: Change[] = [];
        const answer = work({
          read: (query) => transaction.read(query),
          apply: (changes) => late.push(...changes),
        });
        transaction.apply(late);
        return answer;
      }),
  };
}

function countingEverything(store: RelayStore): RelayStore {
  let acknowledged = 0;
  const wrong = (slice: Slice): Slice => {
    const accounts = [...slice.accounts].map(([userId, account]) => {
      const devices = [...account.devices].map(
        ([id, device]) => [id, { ...device, mailCount: device.mailCount + acknowledged }] as const,
      );
      return [userId, { ...account, devices: new Map(devices) }] as const;
    });
    return { ...slice, accounts: new Map(accounts) };
  };
  return through(store, {
    read: (query, read) => wrong(read(query)),
    apply: (changes) => {
      for (const change of changes) if (change.kind === 'mailAcknowledged') acknowledged++;
      return changes;
    },
  });
}

function comparingPrefixes(store: RelayStore): RelayStore {
  const wholeByPrefix = new Map<string, Uint8Array>();
  const prefix = (hash: Uint8Array): string => bytesToHex(hash.subarray(0, 31));
  return through(store, {
    read(query, read) {
      const { tokenHash } = query;
      const whole = tokenHash && wholeByPrefix.get(prefix(tokenHash));
      return read(whole === undefined ? query : { ...query, tokenHash: whole });
    },
    apply(changes) {
      for (const change of changes) {
        if (change.kind === 'deviceAdded')
          wholeByPrefix.set(prefix(change.tokenHash), change.tokenHash);
      }
      return changes;
    },
  });
}

function rememberingPosts(store: RelayStore): RelayStore {
  const accepted = new Map<string, Extract<Change, { kind: 'postAccepted' }>>();
  return through(store, {
    read(query, read) {
      const slice = read(query);
      const known = (query.posts ?? []).flatMap((postId) => {
        const before = accepted.get(postId);
        return before === undefined ? [] : [[postId, before] as const];
      });
      return { ...slice, posts: new Map([...known, ...slice.posts]) };
    },
    apply(changes) {
      for (const change of changes)
        if (change.kind === 'postAccepted') accepted.set(change.postId, change);
      return changes;
    },
  });
}

/** Acknowledgements are kept beside the store until the next change comes. */
function acknowledgingLate(store: RelayStore): RelayStore {
  let late: readonly Change[] = [];
  return through(store, {
    apply(changes) {
      const before = late;
      const held = changes.filter(({ kind }) => kind === 'mailAcknowledged');
      late = held;
      return [...before, ...changes.filter((change) => !held.includes(change))];
    },
  });
}
