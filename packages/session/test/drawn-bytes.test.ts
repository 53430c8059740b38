/** What is drawn for a key is the key: it must not stay where it was drawn. */

import type { Entropy } from '@simsim/crypto';
import { nodeCrypto as crypto, nodeEntropy } from '@simsim/crypto/node';
import { expect, it } from 'vitest';
import { accept, decrypt, encrypt, initiate, parseMessage } from '../src/index.ts';
import { acceptInputOf, bundleOf, bytesOf, makeParty } from './conversation.ts';

it.each([3, 4] as const)(
  'leaves nothing drawn for the keys of a session, version %i',
  (version) => {
    const drawn: Uint8Array[] = [];
    const entropy: Entropy = (length) => {
      const bytes = nodeEntropy(length);
      drawn.push(bytes);
      return bytes;
    };
    const env = { crypto, entropy };
    const [alice, bob] = [makeParty(crypto, 1), makeParty(crypto, 2)];
    const bundle = bundleOf(bob, { version });
    const { identity, registrationId } = alice;
    const begun = initiate({ bundle, identity, registrationId }, env);
    const sent = begun.ok && encrypt(begun.value.session, bytesOf('one'), env);
    const message = sent && sent.ok && parseMessage(sent.value.message);
    if (!message || !message.ok || message.value.kind !== 'initiation') throw new Error('not sent');
    const offeredVersion = version;
    const accepted = accept({ ...acceptInputOf(bob, message.value), offeredVersion }, env);
    const answer = accepted.ok && encrypt(accepted.value.session, bytesOf('two'), env);
    const came = answer && answer.ok && parseMessage(answer.value.message);
    if (!sent || !sent.ok || !came || !came.ok) throw new Error('not answered');
    expect(decrypt(sent.value.session, came.value, env).ok).toBe(true);
    expect(drawn).toHaveLength(version);
    for (const bytes of drawn) expect(bytes).toEqual(new Uint8Array(32));
  },
);
