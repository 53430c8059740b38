/** Many conversations between ours and one peer, in one version and one role. */

import type { WireVersion } from '@simsim/session';
import type { ConversationResult, Counts } from './conversation.ts';
import { noCounts, playConversation } from './conversation.ts';
import type { Dice } from './dice.ts';
import { createDice, labelledEntropy } from './dice.ts';
import type { Parties, Party, Peer } from './peer.ts';
import type { Opening } from './schedule.ts';
import { makeSchedule } from './schedule.ts';
import { rollServiceId } from './service-id.ts';

/** Who begins: ours, the peer, or both at the same time. */
export type Role = 'we initiate' | 'they initiate' | 'both initiate';

/** In the order in which they are played. */
export const ROLES: readonly Role[] = ['we initiate', 'they initiate', 'both initiate'];

/** Conversations of one pair in one role. */
const SESSIONS = 50;

/** What every pair must have gone through in one role, or its result proves too little. */
const LEAST: Counts & { readonly sessions: number } = {
  sessions: 50,
  sent: 2_000,
  delivered: 2_000,
  lost: 200,
  late: 200,
  repeated: 100,
  damaged: 50,
  turns: 500,
};

/** What is to be played. */
export interface PairInput {
  readonly ours: (session: number) => Peer;
  readonly theirs: Peer;
  /** How much a simultaneous initiation may ask of the peer. */
  readonly crossing: Exclude<Opening, 'one side'>;
  readonly version: WireVersion;
  /** Whether every message is to take part in the post-quantum ratchet, or none. */
  readonly hasPqRatchet: boolean;
  /** Whether the peer writes service ids into its initiations; we do in version 4. */
  readonly theyNameParties: boolean;
  readonly role: Role;
  readonly seed: number;
  /** {@link SESSIONS} unless a test wants fewer. */
  readonly sessions?: number;
}

/** What came of it. */
export interface PairResult extends Counts {
  readonly sessions: number;
  /** Conversations that broke, and quotas that were not reached. */
  readonly failures: number;
  /** The first of them in words. */
  readonly fault: string | undefined;
}

/** Plays all conversations. The peer's own randomness aside, the seed decides everything. */
export async function playPair(input: PairInput): Promise<PairResult> {
  const sessions = input.sessions ?? SESSIONS;
  let total = noCounts;
  const faults: string[] = [];
  for (let session = 0; session < sessions; session++) {
    const { counts, fault } = await playSession(input, session);
    total = addCounts(total, counts);
    if (fault !== undefined) faults.push(`session ${session}: ${fault}`);
  }
  // Conversations that broke are shorter, so their counts say nothing more.
  if (faults.length === 0) faults.push(...unmet({ ...total, sessions }));
  return { ...total, sessions, failures: faults.length, fault: faults[0] };
}

async function playSession(input: PairInput, session: number): Promise<ConversationResult> {
  const { ours, theirs, version, hasPqRatchet, role, seed, crossing, theyNameParties } = input;
  const label = `${seed} ${version} ${role} ${session}`;
  const opening = role === 'both initiate' ? crossing : 'one side';
  const schedule = makeSchedule(createDice(`schedule ${label}`), opening);
  const hasServiceIds = session % 4 >= 2;
  const parties = rollParties(createDice(`parties ${label}`), { hasServiceIds });
  const our = await ours(session).createDevice(labelledEntropy(`ours ${label}`), parties);
  const turned = { own: parties.peer, peer: parties.own };
  const their = await theirs.createDevice(labelledEntropy(`theirs ${label}`), turned);
  // Alice also speaks first after two bursts have crossed, which is the easier part.
  const weName = hasServiceIds && version === 4;
  const theyName = hasServiceIds && theyNameParties;
  const isTheirs = role === 'they initiate' || opening === 'crossing in order';
  return playConversation({
    schedule,
    version,
    hasPqRatchet,
    withOneTimePreKey: session % 2 === 0,
    ...(isTheirs ? { alice: their, bob: our } : { alice: our, bob: their }),
    namesParties: isTheirs ? { alice: theyName, bob: weName } : { alice: weName, bob: theyName },
  });
}

function rollParties(dice: Dice, { hasServiceIds }: { readonly hasServiceIds: boolean }): Parties {
  const roll = (name: string): Party => ({
    name: hasServiceIds ? rollServiceId(dice) : name,
    deviceId: 1 + dice(127),
  });
  return { own: roll('own'), peer: roll('peer') };
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    sent: a.sent + b.sent,
    delivered: a.delivered + b.delivered,
    lost: a.lost + b.lost,
    late: a.late + b.late,
    repeated: a.repeated + b.repeated,
    damaged: a.damaged + b.damaged,
    turns: a.turns + b.turns,
  };
}

function unmet(counts: Counts & { readonly sessions: number }): readonly string[] {
  const keys = ['sessions', ...COUNT_KEYS] as const;
  return keys
    .filter((key) => counts[key] < LEAST[key])
    .map((key) => `only ${counts[key]} ${key}, of ${LEAST[key]} that a proof takes`);
}

const COUNT_KEYS = ['sent', 'delivered', 'lost', 'late', 'repeated', 'damaged', 'turns'] as const;
