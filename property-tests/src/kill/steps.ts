/** What happens next in a world: one step of the victim, its peers, or the network between them. */

import { nodeEntropy as entropy } from '@simsim/crypto/node';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import type { Dice } from './dice.ts';
import { shuffled } from './dice.ts';
import type { Ledger } from './ledger.ts';
import type { Party } from './party.ts';

/** What a step works on. */
export interface StepParts {
  readonly dice: Dice;
  readonly victim: Party;
  readonly peers: readonly Party[];
  readonly ledger: Ledger;
  /** False where the victim died. */
  flush(): Promise<boolean>;
}

/** Steps by how often they come. */
const DEEDS = [
  ...Array.from({ length: 4 }, () => 'send' as const),
  ...Array.from({ length: 4 }, () => 'answer' as const),
  ...Array.from({ length: 4 }, () => 'fetch' as const),
  ...Array.from({ length: 3 }, () => 'keep' as const),
  ...Array.from({ length: 3 }, () => 'flush' as const),
  ...Array.from({ length: 4 }, () => 'peer' as const),
  'again' as const,
  'acknowledge' as const,
];

/** Bodies differ in length, so that ciphertexts do. */
const WORDS_MAX = 40;
const BATCH_MAX = 4;

/** Plays one step. False where the victim died in it. */
export async function playStep(parts: StepParts): Promise<boolean> {
  const { dice, victim } = parts;
  const deed = DEEDS[dice(DEEDS.length)] ?? 'acknowledge';
  switch (deed) {
    case 'send':
      return sendSome(parts);
    case 'answer':
      return dice(2) === 0 ? victim.work() : answerSome(parts);
    case 'fetch':
      return fetchSome(parts);
    case 'keep':
      return victim.keep(victim.inbox.slice(0, 1 + dice(BATCH_MAX)));
    case 'flush':
      return parts.flush();
    case 'peer':
      await playPeers(parts);
      return true;
    case 'again':
      return sendAgain(parts);
    case 'acknowledge':
      victim.acknowledge();
      return true;
  }
}

async function sendSome({ dice, victim, peers, ledger }: StepParts): Promise<boolean> {
  const to = dice(3) === 0 ? peers : [peers[dice(peers.length)] ?? victim];
  const { messageId, text, users } = newMessage(dice, { ledger, from: victim, to });
  if (!(await victim.send(messageId, users, text))) return false;
  promise(ledger, messageId);
  return true;
}

function promise(ledger: Ledger, messageId: MessageId): void {
  const sent = ledger.ordered.get(messageId);
  if (sent !== undefined) sent.isPromised = true;
}

/** An order whose answer nobody saw is given once more. */
async function sendAgain({ victim, ledger }: StepParts): Promise<boolean> {
  for (const [messageId, sent] of ledger.ordered) {
    if (sent.isPromised) continue;
    if (!(await victim.send(messageId, sent.to, sent.text))) return false;
    sent.isPromised = true;
  }
  return true;
}

/** Some posts or one claim are answered, the others wait. */
async function answerSome({ dice, victim }: StepParts): Promise<boolean> {
  const [claim] = victim.claims;
  if (claim !== undefined && dice(2) === 0) return victim.claim(claim);
  const posts = shuffled(victim.posts, dice).slice(0, 1 + dice(BATCH_MAX));
  return posts.length === 0 || victim.post(posts);
}

/** A part of the mailbox in any order, in one commit. */
async function fetchSome({ dice, victim }: StepParts): Promise<boolean> {
  const mail = shuffled(victim.mailbox(), dice).slice(0, 1 + dice(BATCH_MAX));
  if (!(await victim.takeIn(mail))) return false;
  if (dice(2) === 0) victim.acknowledge();
  return true;
}

/** The peers are never killed; what they do is one step. */
async function playPeers({ dice, victim, peers, ledger }: StepParts): Promise<void> {
  for (const peer of peers) {
    await peer.work();
    await peer.takeIn(peer.mailbox());
    peer.acknowledge();
    await peer.keep(peer.inbox);
    await peer.work();
    // A user who is not listed yet cannot be written to.
    const isListed = ledger.outside.size > 0;
    if (!isListed || dice(2) === 0) continue;
    const { messageId, text, users } = newMessage(dice, { ledger, from: peer, to: [victim] });
    await peer.send(messageId, users, text);
    promise(ledger, messageId);
    await peer.work();
    await peer.work();
  }
}

function newMessage(
  dice: Dice,
  { ledger, from, to }: { ledger: Ledger; from: Party; to: readonly Party[] },
): { messageId: MessageId; text: string; users: UserId[] } {
  const messageId = messageIdFromBytes(entropy(16));
  const text = `line ${ledger.ordered.size} ${'open sesame '.repeat(dice(WORDS_MAX))}`;
  const users = to.map(({ userId }) => userId);
  ledger.ordered.set(messageId, { from: from.userId, to: users, text, isPromised: false });
  return { messageId, text, users };
}
