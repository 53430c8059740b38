/** Level L1: what a store leaves whose process is killed. */

import { opens, same } from '@simsim/bytes/conformance';
import { StoreBed } from './store-bed.ts';
import type { BareStoreCase, RelayStoreHooks } from './store-hooks.ts';

/** A process that is killed. */
export const STORE_KILL_CASES: readonly BareStoreCase<Required<RelayStoreHooks>>[] = [
  {
    name: 'everything committed is there after a kill, and numbers go on',
    run({ make, crash }) {
      const bed = new StoreBed(make());
      const { address: device, phone, ali } = bed;
      const nonce = ali.entropy(32);
      const postId = ali.postId();
      const post = { kind: 'postAccepted', device, bodyHash: ali.entropy(32) } as const;
      bed.apply(bed.mail(), bed.mail(), { kind: 'headStored', device, head: ali.head(phone, 3) });
      bed.apply({ kind: 'nonceIssued', nonce, expiresAtMs: 77 });
      bed.apply({ kind: 'identitySealed', device, sealed: ali.entropy(90) });
      bed.apply({ ...post, postId, listVersion: 1, atMs: 5 });
      bed.apply({ kind: 'mailAcknowledged', device, seqs: [1, 2] });
      const before = bed.everything();
      const query = { tokenHash: phone.tokenHash, nonce, posts: [postId] };
      const asked = bed.store.read(query);
      const left = opens(() => crash(bed.store), 'a killed store');
      same(bed.everything(left), before, 'the content after a kill');
      same(left.read(query), asked, 'nonces and posts after a kill');
      left.transact((transaction) => transaction.apply([bed.mail()]));
      const { mail } = bed.everything(left);
      same(
        mail?.mail.map(({ seq }) => seq),
        [3],
        'the number after a kill',
      );
      left.close();
    },
  },
  {
    name: 'a transaction that a kill interrupts is not there at all',
    run({ make, crash }) {
      const bed = new StoreBed(make());
      bed.apply(bed.mail(), bed.mail(), bed.mail());
      const before = bed.everything();
      const changes = bed.everyChange();
      const killed = new Error('killed');
      for (let count = 1; count <= changes.length; count++) {
        try {
          bed.store.transact((transaction) => {
            transaction.apply(changes.slice(0, count));
            const left = opens(() => crash(bed.store), 'a store that was killed while it wrote');
            same(bed.everything(left), before, `the content after a kill at ${count} changes`);
            left.close();
            throw killed;
          });
        } catch (failure) {
          if (failure !== killed) throw failure;
        }
      }
      bed.store.close();
    },
  },
];
