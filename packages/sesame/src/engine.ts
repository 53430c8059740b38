/**
 * The engine: one pure decider over a declared slice of streams.
 *
 * Call `decide` with what is loaded; load what it asks for and call again; commit what it answers;
 * only then release its effects and wipe what it consumed.
 */

import {
  decideCreate,
  decideLinked,
  decideRegistered,
  decideRevoked,
  decideShutOut,
  decideStarted,
} from './decide-account.ts';
import { decideForgetSend, decideForgetUser } from './decide-forget.ts';
import { decideHeadSeen, decideHeadsTold, decideShareHeads } from './decide-heads.ts';
import { decideKeysChecked, decideKeysUploaded, decideReplenish } from './decide-pre-keys.ts';
import { decideNamesTold, decideRenameDevice, decideTellNames } from './decide-names.ts';
import { decideRolledBack } from './decide-quarantine.ts';
import { decideEnvelope } from './decide-receive.ts';
import { decideClaimFailed, decideClaimed, decidePosted, decideSend } from './decide-send.ts';
import {
  decideRemoveCompromised,
  decideSuccession,
  decideSuccessionRefused,
} from './decide-succession.ts';
import { decideDrained, decideSwept } from './decide-sweep.ts';
import { decideTellContacts } from './tell-contacts.ts';
import { decideListLearned, decideRefuseIdentity, decideTrustIdentity } from './decide-trust.ts';
import type { DecideResult } from './decision.ts';
import { userChangesOf } from './fact-codec.ts';
import type { FactRejection, RecordedFact } from './fact-table-codec.ts';
import type { Input } from './input.ts';
import { decideReceipted, decideSendReceipts } from './receipts.ts';
import { TODAY } from './release.ts';
import type { Release } from './release.ts';
import { isRecordStream, USER_PREFIX } from './streams.ts';
import type { StreamId } from './streams.ts';
import { applyUserChange } from './fold-user-change.ts';
import { emptyUserRecord } from './user-record.ts';
import { decodeUserRecord, encodeUserRecord } from './user-record-codec.ts';
import { Workspace } from './workspace.ts';
import type { EngineEnv, Slice } from './workspace.ts';
import { parseUserId } from '@simsim/relay-protocol';

/**
 * Decides about one input. Pure: the same slice, input, time and entropy give the same answer.
 *
 * Rejects: see {@link Rejection}; a refusal or `needMore` leaves nothing behind.
 */
export function decide(slice: Slice, input: Input, env: EngineEnv): DecideResult {
  return decideOf(input.type, input, new Workspace(slice, env));
}

type InputOf = { readonly [T in Input['type']]: Extract<Input, { type: T }> };

type Deciders = {
  readonly [T in keyof InputOf]: (input: InputOf[T], work: Workspace) => DecideResult;
};

const DECIDERS: Deciders = {
  create: decideCreate,
  linked: decideLinked,
  registered: (_, work) => decideRegistered(work),
  revoked: (_, work) => decideRevoked(work),
  shutOut: decideShutOut,
  rolledBack: decideRolledBack,
  headSeen: decideHeadSeen,
  headsTold: decideHeadsTold,
  shareHeads: decideShareHeads,
  renameDevice: decideRenameDevice,
  tellNames: decideTellNames,
  namesTold: decideNamesTold,
  started: (_, work) => decideStarted(work),
  send: decideSend,
  posted: decidePosted,
  claimed: decideClaimed,
  claimFailed: decideClaimFailed,
  envelope: decideEnvelope,
  receipted: decideReceipted,
  sendReceipts: decideSendReceipts,
  removeCompromised: decideRemoveCompromised,
  succession: decideSuccession,
  tellContacts: (_, work) => decideTellContacts(work),
  successionRefused: (_, work) => decideSuccessionRefused(work),
  listLearned: decideListLearned,
  trustIdentity: decideTrustIdentity,
  refuseIdentity: decideRefuseIdentity,
  forgetUser: decideForgetUser,
  forgetSend: decideForgetSend,
  replenish: decideReplenish,
  keysChecked: decideKeysChecked,
  keysUploaded: decideKeysUploaded,
  swept: decideSwept,
  drained: decideDrained,
};

function decideOf<T extends keyof InputOf>(
  type: T,
  input: InputOf[T],
  work: Workspace,
): DecideResult {
  return DECIDERS[type](input, work);
}

/**
 * Folds one event of a stream into its projection row. Total: an event that does not fit leaves the
 * row as it is; ask {@link foldRefusal} first where that must not pass for the truth. Only record
 * streams have a row.
 */
export function evolveRecord(
  row: Uint8Array | undefined,
  event: RecordedFact & { readonly stream: StreamId },
  release: Release = TODAY,
): Uint8Array | undefined {
  const userId = parseUserId(event.stream.slice(USER_PREFIX.length));
  const fact = release.read(event);
  if (!event.stream.startsWith(USER_PREFIX) || !userId.ok) return row;
  if (!fact.ok || fact.value.name !== 'UserChanged') return row;
  const before = row === undefined ? undefined : decodeUserRecord(userId.value, row);
  return encodeUserRecord(
    userChangesOf(fact.value).reduce(applyUserChange, before ?? emptyUserRecord(userId.value)),
  );
}

/**
 * Why what an event did to a projection row cannot be said: it is of a record stream and is not read.
 * `undefined` for any other.
 */
export function foldRefusal(
  event: RecordedFact & { readonly stream: StreamId },
  release: Release = TODAY,
): FactRejection['code'] | undefined {
  if (!isRecordStream(event.stream)) return undefined;
  const fact = release.read(event);
  return fact.ok ? undefined : fact.error.code;
}
