/** One 256-byte message through a session, against the bare primitive calls it cannot do without. */

import { randomBytes } from 'node:crypto';
import { encodeUtf8, invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { decrypt, encrypt, parseMessage } from '@simsim/session';
import type { Session } from '@simsim/session';
import { establish } from './session-pair.ts';
import { median, ratioRow } from './report.ts';
import type { BenchRow } from './report.ts';

const ROUNDS = 15;
const MESSAGES = 1000;
const INFO = encodeUtf8('WhisperMessageKeys');

/** Measures both sides in turns. */
export function benchMessage(): BenchRow {
  const plaintext = randomBytes(256);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS + 3; round++) {
    const isWarmUp = round < 3;
    const oursUs = throughSessions(plaintext);
    const bareUs = throughPrimitives(plaintext);
    if (!isWarmUp) {
      ours.push(oursUs);
      bare.push(bareUs);
    }
  }
  return ratioRow({
    what: 'encrypt + decrypt 256 B through session / bare primitives',
    ours: median(ours),
    theirs: median(bare),
    unit: 'us',
    goal: 3,
  });
}

function throughSessions(plaintext: Uint8Array): number {
  const env = { crypto: nodeCrypto, entropy: nodeEntropy };
  let { alice, bob }: { alice: Session; bob: Session } = establish(env);
  const start = process.hrtime.bigint();
  for (let i = 0; i < MESSAGES; i++) {
    const sent = encrypt(alice, plaintext, env);
    invariant(sent.ok, 'a session encrypts');
    const parsed = parseMessage(sent.value.message);
    invariant(parsed.ok, 'a message parses');
    const received = decrypt(bob, parsed.value, env);
    invariant(received.ok, 'a message opens');
    for (const secret of [...sent.value.consumed, ...received.value.consumed])
      nodeCrypto.wipe(secret);
    alice = sent.value.session;
    bob = received.value.session;
  }
  return microseconds(start) / MESSAGES;
}

/** Per side: one chain step with its key derivation, AES-CBC, and the tag over about 380 bytes. */
function throughPrimitives(plaintext: Uint8Array): number {
  const header = randomBytes(110);
  let sending = nodeCrypto.importSecret('chain', randomBytes(32));
  let receiving = nodeCrypto.importSecret('chain', nodeCrypto.exportSecret(sending));
  const start = process.hrtime.bigint();
  for (let i = 0; i < MESSAGES; i++) {
    const [nextSending, sealKeys] = nodeCrypto.chainMessage(sending, INFO);
    const ciphertext = nodeCrypto.encrypt(sealKeys, plaintext);
    const tag = nodeCrypto.tag(sealKeys, [header, ciphertext], 8);
    const [nextReceiving, openKeys] = nodeCrypto.chainMessage(receiving, INFO);
    invariant(nodeCrypto.tagMatches(openKeys, [header, ciphertext], tag), 'tags agree');
    invariant(nodeCrypto.decrypt(openKeys, ciphertext) !== undefined, 'it opens');
    sending = nextSending;
    receiving = nextReceiving;
  }
  return microseconds(start) / MESSAGES;
}

function microseconds(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1000;
}
