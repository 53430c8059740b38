/** How large a session is when it is kept. */

import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { Part } from '@simsim/crypto';
import { invariant } from '@simsim/bytes';
import { decrypt, encodeCold, encodeHot, encrypt, parseMessage } from '@simsim/session';
import type { Session } from '@simsim/session';
import { establish } from '../session-pair.ts';

/** Bytes of one end's whole state after so many changes of direction. */
export function stateBytesAfter(turns: number): number {
  const env = { crypto: nodeCrypto, entropy: nodeEntropy };
  let { alice, bob } = establish(env);
  for (let turn = 0; turn < turns; turn++) {
    const sent = encrypt(alice, nodeEntropy(32), env);
    invariant(sent.ok, 'a session encrypts');
    const message = parseMessage(sent.value.message);
    invariant(message.ok, 'a message parses');
    const received = decrypt(bob, message.value, env);
    invariant(received.ok, 'a message opens');
    [alice, bob] = [received.value.session, sent.value.session];
  }
  return bytesOf(alice);
}

function bytesOf({ hot, cold }: Session): number {
  const parts: readonly Part[] = [...encodeHot(hot), ...encodeCold(cold)];
  return parts.reduce(
    (sum, part) => sum + (part instanceof Uint8Array ? part : nodeCrypto.exportSecret(part)).length,
    0,
  );
}
