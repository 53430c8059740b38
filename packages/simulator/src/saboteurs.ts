/**
 * Broken variants of our own code, and the invariant that each of them breaks. An invariant that catches
 * none of its saboteurs proves nothing. They sit behind the test-only seams; production passes none.
 */

import {
  keepingRoots,
  keepingStreamKeys,
  openingDamagedMail,
  rootsWithoutTurns,
  standingChains,
  tellingKeys,
  tellingSeeds,
} from './broken-crypto.ts';
import type { Plant } from './run-case.ts';

/** One planted bug. */
export interface Saboteur {
  /** What is broken, in a few words. */
  readonly id: string;
  /** The invariant that must see it. */
  readonly invariant: string;
  readonly plant: Plant;
  /** A seed that shows it at once. */
  readonly seed: number;
}

/** Every saboteur. */
export const SABOTEURS: readonly Saboteur[] = [
  {
    id: 'sending chain not moved on',
    invariant: 'S1',
    plant: { sabotage: ['rewind-chain'] },
    seed: 1,
  },
  {
    id: 'sending chain rolled back after a refused round',
    invariant: 'S1',
    plant: { sabotage: ['rewind-rejected-round'] },
    seed: 6,
  },
  {
    id: 'post sent before its commit',
    invariant: 'S2',
    plant: { sabotage: ['adopt-before-commit'], shellSabotage: ['posts-before-commit'] },
    seed: 1,
  },
  {
    id: 'post not written with its commit',
    invariant: 'S2',
    plant: { logSabotage: { forgetsOutbox: true } },
    seed: 1,
  },
  {
    id: 'commit taken for made while another program held the database',
    invariant: 'S2',
    plant: { disk: { takesBusyForDone: true } },
    seed: 6,
  },
  {
    id: 'mail acknowledged before it is decided',
    invariant: 'S3',
    plant: { shellSabotage: ['acknowledges-before-commit'] },
    seed: 1,
  },
  {
    id: 'mail not written with its commit',
    invariant: 'S3',
    plant: { logSabotage: { forgetsInbox: true } },
    seed: 1,
  },
  {
    id: 'nothing remembered as received',
    invariant: 'S4',
    plant: { sabotage: ['forget-dedupe'] },
    seed: 5,
  },
  {
    id: 'read mail kept in the inbox',
    invariant: 'S4',
    plant: { logSabotage: { keepsInbox: true } },
    seed: 3,
  },
  {
    id: 'damaged mail of a log read as if it were whole',
    invariant: 'S4',
    plant: { crypto: openingDamagedMail },
    seed: 16,
  },
  {
    id: 'used one-time prekey kept',
    invariant: 'S5',
    plant: { sabotage: ['keep-one-time-key'] },
    seed: 2,
  },
  {
    id: 'used one-time KEM prekey kept',
    invariant: 'S5',
    plant: { sabotage: ['keep-one-time-kem-key'] },
    seed: 2,
  },
  {
    id: 'one-time prekey burnt by a forged message',
    invariant: 'S5',
    plant: { sabotage: ['burn-forged-prekey'] },
    seed: 15,
  },
  {
    id: 'any prekey id believed that the relay has seen',
    invariant: 'S5',
    plant: { sabotage: ['believe-any-pre-key-id'] },
    seed: 8,
  },
  {
    id: 'record changed without an event',
    invariant: 'S6',
    plant: { sabotage: ['silent-user-change'] },
    seed: 1,
  },
  {
    id: 'state of a stream written once only',
    invariant: 'S6',
    plant: { logSabotage: { keepsFirstState: true } },
    seed: 1,
  },
  {
    id: 'version of a stream left out',
    invariant: 'S6',
    plant: { logSabotage: { skipsVersion: true } },
    seed: 1,
  },
  {
    id: 'event of a later release',
    invariant: 'S8',
    plant: { logSabotage: { writesLaterSchema: true } },
    seed: 1,
  },
  {
    id: 'events of a former release read as of the later one',
    invariant: 'S8',
    plant: { release: 'reads-old-as-new' },
    seed: 1,
  },
  {
    id: 'facts cut short',
    invariant: 'S8',
    plant: { logSabotage: { cutsFacts: true } },
    seed: 1,
  },
  {
    id: 'inactive session encrypts',
    invariant: 'S9',
    plant: { sabotage: ['send-on-inactive-session'] },
    seed: 1,
  },
  {
    id: 'dropped session keeps its keys',
    invariant: 'S9',
    plant: { sabotage: ['keep-dropped-session'] },
    seed: 1,
  },
  {
    id: 'a session for each time that keys are given',
    invariant: 'S9',
    plant: { sabotage: ['take-keys-again'] },
    seed: 2,
  },
  {
    id: 'stale record kept for ever',
    invariant: 'S10',
    plant: { sabotage: ['keep-stale'] },
    seed: 1,
  },
  {
    id: 'stale record deleted before the mailbox is read',
    invariant: 'S10',
    plant: { sabotage: ['delete-before-fetch'] },
    seed: 1,
  },
  {
    id: 'fetch before a deletion left out',
    invariant: 'S10',
    plant: { shellSabotage: ['deletes-before-fetch'] },
    seed: 1,
  },
  {
    id: 'text of a send kept for ever',
    invariant: 'S10',
    plant: { sabotage: ['keep-expired-send'] },
    seed: 5,
  },
  {
    id: 'replaced prekey kept for ever',
    invariant: 'S10',
    plant: { sabotage: ['keep-old-pre-keys'] },
    seed: 11,
  },
  {
    id: 'empty block of skipped keys kept',
    invariant: 'S10',
    plant: { sabotage: ['keep-skipped-blocks'] },
    seed: 1,
  },
  {
    id: 'stale record used',
    invariant: 'S11',
    plant: { sabotage: ['send-to-stale'] },
    seed: 3,
  },
  {
    id: 'device used that no list names',
    invariant: 'S11',
    plant: { sabotage: ['send-to-unlisted'] },
    seed: 3,
  },
  {
    id: 'other key of a user taken unasked',
    invariant: 'S11',
    plant: { sabotage: ['take-offered-key'] },
    seed: 7,
  },
  {
    id: 'mail that does not wait for a key',
    invariant: 'S11',
    plant: { sabotage: ['never-hold'] },
    seed: 1,
  },
  {
    id: 'settled send kept',
    invariant: 'S12',
    plant: { sabotage: ['keep-settled-send'] },
    seed: 1,
  },
  {
    id: 'answered posts kept in memory',
    invariant: 'S12',
    plant: { shellSabotage: ['keeps-answered-posts'] },
    seed: 1,
  },
  {
    id: 'evidence of a state that was put back ignored',
    invariant: 'S13',
    plant: { sabotage: ['ignore-heads'] },
    seed: 15,
  },
  {
    id: 'one user spared by a quarantine',
    invariant: 'S13',
    plant: { sabotage: ['quarantine-spares-a-session'] },
    seed: 15,
  },
  {
    id: 'refused round counted as taken',
    invariant: 'L1',
    plant: { sabotage: ['drop-rejected-round'] },
    seed: 1,
  },
  {
    id: 'no copy for own devices',
    invariant: 'L1',
    plant: { sabotage: ['skip-own-devices'] },
    seed: 1,
  },
  {
    id: 'damaged mail dropped',
    invariant: 'L1',
    plant: { sabotage: ['drop-damaged-mail'] },
    seed: 2,
  },
  {
    id: 'session not activated by a message',
    invariant: 'L2',
    plant: { sabotage: ['ignore-session-activation'] },
    seed: 1,
  },
  {
    id: 'session of a peer never answered on',
    invariant: 'L2',
    plant: { sabotage: ['retire-accepted-session'] },
    seed: 1,
  },
  {
    id: 'answered post kept in the outbox',
    invariant: 'L3',
    plant: { sabotage: ['keep-answered-post'] },
    seed: 1,
  },
  {
    id: 'mail never acknowledged',
    invariant: 'L3',
    plant: { shellSabotage: ['never-acknowledges'] },
    seed: 1,
  },
  {
    id: 'list asked for again and again',
    invariant: 'L4',
    plant: { sabotage: ['ask-lists-for-ever'] },
    seed: 2,
  },
  {
    id: 'copies of other devices sent again',
    invariant: 'L4',
    plant: { sabotage: ['resend-copies-of-others'] },
    seed: 3,
  },
  {
    id: 'keys fetched again and again',
    invariant: 'L4',
    plant: { sabotage: ['claim-for-ever'] },
    seed: 1,
  },
  {
    id: 'root key kept next to its chain',
    invariant: 'P1',
    plant: { crypto: keepingRoots },
    seed: 4,
  },
  {
    id: 'stream key of the log not moved on',
    invariant: 'P1',
    plant: { crypto: keepingStreamKeys },
    seed: 1,
  },
  {
    id: 'chain key not moved on',
    invariant: 'P1',
    plant: { crypto: standingChains },
    seed: 1,
  },
  {
    id: 'vault that never follows',
    invariant: 'P1',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 14,
  },
  {
    id: 'upcaster that forgets what is known of users',
    invariant: 'S6',
    plant: { release: 'forgets-changes' },
    seed: 1,
  },
  {
    id: 'vault that never follows, seen from its slots',
    invariant: 'S7',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 38,
  },
  {
    id: 'stream key not moved on, seen from its slots',
    invariant: 'S7',
    plant: { crypto: keepingStreamKeys },
    seed: 1,
  },
  {
    id: 'replaced page copies left in the file',
    invariant: 'P2',
    plant: { logSabotage: { keepsOldCopies: true } },
    seed: 4,
  },
  {
    id: 'vault that never follows, within its window',
    invariant: 'P2',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 11,
  },
  {
    id: 'root key without its Diffie-Hellman',
    invariant: 'P3',
    plant: { crypto: rootsWithoutTurns },
    seed: 1,
  },
  {
    id: 'streams that keep their slots for ever',
    invariant: 'P3',
    plant: { logSabotage: { keepsOldSlots: true } },
    seed: 8,
  },
  {
    id: 'keychain that forgets nothing',
    invariant: 'P6',
    plant: { disk: { keepsKeys: true } },
    seed: 4,
  },
  {
    id: 'rotation that keeps the master key',
    invariant: 'P6',
    plant: { logSabotage: { keepsMaster: true } },
    seed: 4,
  },
  {
    id: 'message key on the wire',
    invariant: 'P4',
    plant: { crypto: tellingKeys },
    seed: 1,
  },
  {
    id: 'seed of a message key on the wire',
    invariant: 'P4',
    plant: { crypto: tellingSeeds },
    seed: 1,
  },
  {
    id: 'copy for an own device shown as of its recipient',
    invariant: 'P5',
    plant: { sabotage: ['misattribute-copy'] },
    seed: 1,
  },
  {
    id: 'header key taken for the pinned one',
    invariant: 'P5',
    plant: { sabotage: ['trust-any-identity'] },
    seed: 2,
  },
];
