/** Level L0: what a relay's store must do while its process lives, whatever it keeps its rows in. */

import { check, same } from '@simsim/bytes/conformance';
import type { ClaimId } from '@simsim/relay-protocol';
import { claimIdFromBytes, LISTS_KEPT_MAX } from '@simsim/relay-protocol';
import { CLAIMS_KEPT_MAX } from '../core/limits.ts';
import type { RelayStore } from '../core/store.ts';
import { userIdOf } from './people.ts';
import { LINK, NO_ONE_TIME_KEYS, StoreBed, WHOLE_MAILBOX } from './store-bed.ts';
import type { BareStoreCase, RelayStoreHooks } from './store-hooks.ts';

/** One case, over a store with a user. */
function onBed(name: string, run: (bed: StoreBed) => void): BareStoreCase<RelayStoreHooks> {
  return {
    name,
    run({ make }) {
      const store: RelayStore = make();
      run(new StoreBed(store));
      store.close();
    },
  };
}

/** The contract, case by case. */
export const STORE_CASES: readonly BareStoreCase<RelayStoreHooks>[] = [
  onBed('keeps the lists of before, so many, and hands them out from a version on', (bed) => {
    const { ali, phone, address, store } = bed;
    same(bed.versions(0), [1], 'the first list');
    for (let version = 2; version <= LISTS_KEPT_MAX + 1; version++) {
      const count = bed.versions(0).length;
      same(count, version - 1, 'how many lists are kept');
      ali.list = ali.nextList([phone.entry], phone);
      bed.apply({ kind: 'listChanged', list: ali.list });
    }
    same(bed.versions(0).length, LISTS_KEPT_MAX, 'how many lists are kept at most');
    same(bed.versions(0)[0], 2, 'the oldest that is kept');
    const last = [LISTS_KEPT_MAX, LISTS_KEPT_MAX + 1];
    same(bed.versions(LISTS_KEPT_MAX), last, 'the lists from a version on');
    same(bed.versions(LISTS_KEPT_MAX + 9), [LISTS_KEPT_MAX + 1], 'the lists from a later one on');
    const { succession } = store.read({ succession: { ...address, since: LISTS_KEPT_MAX } });
    same(succession?.lists[1], ali.list, 'the newest list');
    const stranger = { userId: userIdOf('nobody'), deviceId: phone.deviceId, since: 0 };
    same(store.read({ succession: stranger }).succession, undefined, 'the lists of nobody');
  }),
  onBed('keeps what was last sealed for a device, as long as there is the device', (bed) => {
    const { ali, address: device, phone, store } = bed;
    const sealed = (): unknown =>
      store.read({ succession: { ...device, since: 0 } }).succession?.sealed;
    same(sealed(), undefined, 'what is sealed before anything was');
    const [first, second] = [ali.entropy(90), ali.entropy(90)];
    bed.apply({ kind: 'identitySealed', device, sealed: first });
    bed.apply({ kind: 'identitySealed', device, sealed: second });
    same(sealed(), second, 'what was sealed last');
    const { signedPreKey } = phone.keys;
    bed.apply({ kind: 'deviceRenewed', device, tokenHash: ali.entropy(32), signedPreKey });
    same(sealed(), second, 'what is sealed for a device that was renewed');
    bed.apply({ kind: 'deviceRemoved', device });
    bed.apply({ kind: 'deviceAdded', device, tokenHash: ali.entropy(32), signedPreKey });
    same(sealed(), undefined, 'what is sealed for a device that came anew');
  }),
  onBed('undoes every kind of change when the work throws, after any number of them', (bed) => {
    bed.apply(bed.mail(), bed.mail(), bed.mail());
    const before = bed.everything();
    const changes = bed.everyChange();
    const struck = new Error('struck');
    for (let count = 1; count <= changes.length; count++) {
      let thrown: unknown;
      try {
        bed.store.transact((transaction) => {
          transaction.apply(changes.slice(0, count));
          throw struck;
        });
      } catch (failure) {
        thrown = failure;
      }
      check(thrown === struck, 'what the work throws is thrown on');
      same(bed.everything(), before, `the store after ${count} changes were undone`);
    }
    bed.apply(bed.mail());
    same(bed.seqs(), [1, 2, 3, 4], 'the numbers of the mail');
  }),
  onBed('reads inside a transaction what was changed before', (bed) => {
    const { store, phone, address: device } = bed;
    const query = { tokenHash: phone.tokenHash, mail: WHOLE_MAILBOX };
    const answer = store.transact((transaction) => {
      const seqs = (): unknown => transaction.read(query).mail?.mail.map((row) => row.seq);
      transaction.apply([bed.mail(), bed.mail()]);
      same(seqs(), [1, 2], 'mail that was stored');
      transaction.apply([{ kind: 'mailAcknowledged', device, seqs: [1] }]);
      same(seqs(), [2], 'mail that was not acknowledged');
      return 'answer';
    });
    same(answer, 'answer', 'what a transaction answers');
  }),
  onBed('never gives a mailbox number twice', (bed) => {
    bed.apply(bed.mail(), bed.mail());
    bed.apply({ kind: 'mailAcknowledged', device: bed.address, seqs: [1, 2] });
    bed.apply(bed.mail());
    same(bed.seqs(), [3], 'the numbers of the mail');
  }),
  onBed('counts what waits, and acknowledging is idempotent', (bed) => {
    const { address: device } = bed;
    bed.apply(bed.mail(10), bed.mail(20), bed.mail(30));
    same(bed.waiting(), [3, 60], 'what waits');
    bed.apply({ kind: 'mailAcknowledged', device, seqs: [2, 2, 77] });
    bed.apply({ kind: 'mailAcknowledged', device, seqs: [2] });
    same(bed.waiting(), [2, 40], 'what waits after an acknowledgement');
  }),
  onBed('pages a mailbox by count and by bytes, always giving at least one', (bed) => {
    bed.apply(bed.mail(10), bed.mail(10), bed.mail(10));
    const page = (after: number, limit: number, bytesMax: number): unknown => {
      const { tokenHash } = bed.phone;
      const { mail } = bed.store.read({ tokenHash, mail: { after, limit, bytesMax } });
      return [mail?.mail.map((row) => row.seq), mail?.isEmpty];
    };
    same(page(0, 2, 1000), [[1, 2], false], 'a page of two');
    same(page(2, 2, 1000), [[3], true], 'the page after it');
    same(page(0, 3, 20), [[1, 2], false], 'a page of 20 bytes');
    same(page(0, 3, 1), [[1], false], 'a page of one byte');
    same(page(0, 3, 30), [[1, 2, 3], true], 'a page of 30 bytes');
    same(page(3, 3, 1000), [[], true], 'the page after everything');
  }),
  onBed('knows a caller by the whole hash of the token', (bed) => {
    const { phone, address, store } = bed;
    same(bed.everything().caller, address, 'the caller');
    const close = phone.tokenHash.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
    const ownKeys = { oneTime: [1], kem: [] };
    const slice = store.read({ tokenHash: close, mail: WHOLE_MAILBOX, ownKeys, ownEntry: true });
    const { caller, mail, ownKeys: keys, ownEntry } = slice;
    same([caller, mail, keys, ownEntry], Array(4).fill(undefined), 'what a stranger sees');
  }),
  onBed('a removed device leaves nothing behind for a later one with its id', (bed) => {
    const { ali, phone, address: device, store } = bed;
    const [postId, claimId] = [ali.postId(), claimIdFromBytes(ali.entropy(16))];
    const at = { atMs: 5, bodyHash: ali.entropy(32) };
    bed.apply(bed.mail(), { kind: 'postAccepted', device, postId, listVersion: 1, ...at });
    bed.apply({ kind: 'claimAnswered', device, claimId, results: [], ...at });
    bed.apply({ kind: 'deviceRemoved', device });
    same(bed.everything().caller, undefined, 'the caller with the token of a removed device');
    const outside = store.read({ keysOf: [device], users: [ali.userId] });
    same(outside.keysOf, new Map(), 'the keys of a removed device');
    const current = outside.accounts.get(ali.userId)?.devices;
    same(current?.has(device.deviceId) ?? false, false, 'a removed device among those of its user');
    const { tokenHash } = phone;
    const { signedPreKey } = phone.keys;
    bed.apply({ kind: 'deviceAdded', device, tokenHash, signedPreKey });
    const slice = store.read({
      tokenHash,
      posts: [postId],
      claim: claimId,
      mail: WHOLE_MAILBOX,
      ownEntry: true,
      ownKeys: { oneTime: [1, 2], kem: [1] },
    });
    same(slice.caller, device, 'the later device');
    same(slice.posts, new Map(), 'posts of before');
    same(slice.claim, undefined, 'claims of before');
    same(slice.mail, { mail: [], isEmpty: true }, 'mail of before');
    same(slice.ownEntry?.head, undefined, 'the head of before');
    const none = { ...NO_ONE_TIME_KEYS, known: new Map() };
    same(slice.ownKeys, { ...none, signedPreKey, kem: none }, 'keys of before');
  }),
  onBed(
    'a renewed device keeps its mail, and has neither token, keys nor head of before',
    (bed) => {
      const { ali, phone, address: device, store } = bed;
      const head = ali.head(phone, 3);
      bed.apply(bed.mail(), bed.mail(), { kind: 'headStored', device, head });
      same(bed.everything().ownEntry, { entry: phone.entry, head }, 'entry and head');
      const tokenHash = ali.entropy(32);
      const { signedPreKey } = ali.makeKeys(60, 0);
      bed.apply({ kind: 'deviceRenewed', device, tokenHash, signedPreKey });
      same(bed.everything().caller, undefined, 'the caller with the token of before');
      const slice = store.read({
        tokenHash,
        mail: WHOLE_MAILBOX,
        ownEntry: true,
        ownKeys: { oneTime: [1, 2, 3], kem: [1, 2, 3] },
        keysOf: [device],
        users: [ali.userId],
      });
      same(
        slice.mail?.mail.map(({ seq }) => seq),
        [1, 2],
        'the mail',
      );
      same(slice.ownEntry, { entry: phone.entry }, 'entry and head afterwards');
      const none = { ...NO_ONE_TIME_KEYS, known: new Map() };
      same(slice.ownKeys, { ...none, signedPreKey, kem: none }, 'its own keys');
      const [keys] = slice.keysOf.values();
      const nobodys = [keys?.nextOneTimePreKey, keys?.kem.next, keys?.kem.lastResort];
      same(nobodys, [undefined, undefined, undefined], 'keys for others');
      const [account] = slice.accounts.get(ali.userId)?.devices.values() ?? [];
      same(account, { tokenHash, mailCount: 2, mailBytes: 20 }, 'the device');
    },
  ),
  onBed('forgets the one-time prekeys that nobody has, and no counter of ids', (bed) => {
    const { address: device, store } = bed;
    const { count = 0, highestSeenId: highest = 0 } = bed.everything().ownKeys ?? {};
    const counters = { count: count - 1, lastIssuedId: 1, highestSeenId: highest };
    bed.apply(
      { kind: 'preKeyIssued', device, id: 1, atMs: 10 },
      { kind: 'keysCounted', device, counters },
    );
    const before = bed.everything().ownKeys;
    store.forgetOneTimeKeys();
    const slice = bed.everything();
    const { highestSeenId, lastIssuedId, signedPreKey, kem } = slice.ownKeys ?? {};
    same(signedPreKey, before?.signedPreKey, 'the signed prekey');
    same([slice.ownKeys?.count, kem?.count], [0, 0], 'how many are left');
    same(
      [highestSeenId, lastIssuedId, kem?.highestSeenId],
      [before?.highestSeenId, before?.lastIssuedId, before?.kem.highestSeenId],
      'the counters of ids',
    );
    same([...(slice.ownKeys?.known.keys() ?? [])], [1], 'the keys that somebody has');
    const [keys] = slice.keysOf.values();
    same([keys?.nextOneTimePreKey, keys?.kem.next], [undefined, undefined], 'keys for others');
    check(keys?.kem.lastResort !== undefined, 'the last resort stays');
  }),
  onBed('remembers the newest claims of a device, so many', (bed) => {
    const { ali, address: device, phone, store } = bed;
    const claimIds = Array.from({ length: CLAIMS_KEPT_MAX + 1 }, () =>
      claimIdFromBytes(ali.entropy(16)),
    );
    const answered = { kind: 'claimAnswered', device, results: [] } as const;
    const bodyHash = ali.entropy(32);
    bed.apply(...claimIds.map((claimId, i) => ({ ...answered, claimId, bodyHash, atMs: i })));
    const isKept = ([claim]: readonly ClaimId[]): boolean =>
      claim !== undefined && store.read({ tokenHash: phone.tokenHash, claim }).claim !== undefined;
    same(isKept(claimIds), false, 'whether the oldest is remembered');
    same(isKept(claimIds.slice(1)), true, 'whether the next one is');
    same(isKept(claimIds.slice(-1)), true, 'whether the newest is');
  }),
  onBed('keeps what was left for a link for whoever took it by name', (bed) => {
    const { ali } = bed;
    const [ciphertext, taker, next] = [ali.entropy(9), ali.entropy(16), ali.entropy(9)];
    const put = { kind: 'linkPut', address: LINK, expiresAtMs: 5 } as const;
    bed.apply({ ...put, ciphertext });
    same(bed.everything().link?.taker, undefined, 'the taker before there is one');
    bed.apply({ kind: 'linkTaken', address: LINK, taker });
    same(bed.everything().link?.ciphertext, ciphertext, 'what was taken');
    same(bed.everything().link?.taker, taker, 'who took it');
    bed.apply({ ...put, ciphertext: next });
    same(bed.everything().link?.ciphertext, next, 'what was left next');
    same(bed.everything().link?.taker, undefined, 'the taker of what was left next');
    bed.apply({ kind: 'linkTaken', address: LINK });
    same(bed.everything().link, undefined, 'what somebody took who has no name');
  }),
  onBed('prunes what expired and keeps the rest', (bed) => {
    const { ali, phone, address: device, store } = bed;
    const [oldPost, newPost] = [ali.postId(), ali.postId()];
    const oldClaim = claimIdFromBytes(ali.entropy(16));
    const newClaim = claimIdFromBytes(ali.entropy(16));
    const old = ali.entropy(32);
    const post = { kind: 'postAccepted', device, bodyHash: old, listVersion: 1 } as const;
    const claim = { kind: 'claimAnswered', device, bodyHash: old, results: [] } as const;
    bed.apply(
      { ...post, postId: oldPost, atMs: 10 },
      { ...post, postId: newPost, atMs: 20 },
      { ...claim, claimId: oldClaim, atMs: 10 },
      { ...claim, claimId: newClaim, atMs: 20 },
      { kind: 'preKeyIssued', device, id: 1, atMs: 10 },
      { kind: 'preKeyIssued', device, id: 2, atMs: 20 },
      { kind: 'nonceIssued', nonce: old, expiresAtMs: 30 },
      { kind: 'linkPut', address: LINK, ciphertext: old, expiresAtMs: 31 },
    );
    bed.relay.nowMs = 10;
    bed.apply(bed.mail(10));
    bed.relay.nowMs = 20;
    bed.apply(bed.mail(20));
    store.prune({ nowMs: 29 });
    same(bed.seqs(), [1, 2], 'the mail where only nonces and links are looked at');
    store.prune({ nowMs: 30, beforeMs: 20 });
    const slice = bed.everything();
    const { tokenHash } = phone;
    const remembered = store.read({ tokenHash, posts: [oldPost, newPost], claim: newClaim });
    same([...remembered.posts.keys()], [newPost], 'the posts that are remembered');
    check(remembered.claim !== undefined, 'a claim is remembered until its time');
    same(store.read({ tokenHash, claim: oldClaim }).claim, undefined, 'an old claim');
    same([...(slice.ownKeys?.known.keys() ?? [])], [2, 3], 'the keys that are known');
    same(store.read({ nonce: old }).nonceExpiresAtMs, undefined, 'an old nonce');
    same(slice.link?.ciphertext, old, 'a link until its time');
    same(bed.seqs(), [2], 'the mail');
    same(bed.waiting(), [1, 20], 'what waits');
  }),
];
