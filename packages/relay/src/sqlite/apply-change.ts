/** Writing a change into a relay's file. */

import { invariant } from '@simsim/bytes';
import type { SignedDeviceList, UserId } from '@simsim/relay-protocol';
import {
  encodeDeviceHead,
  encodeOutcome,
  encodeSignedDeviceList,
  idToBytes,
  LISTS_KEPT_MAX,
} from '@simsim/relay-protocol';
import type { Change } from '../core/change.ts';
import type { DeviceAddress } from '../core/slice.ts';
import type { Rows } from './rows.ts';
import { lookupOf } from './rows.ts';

type DeviceChange = Exclude<Extract<Change, { device: DeviceAddress }>, { kind: 'deviceAdded' }>;

/** Applies one change inside the transaction that is open. */
export function applyChange(rows: Rows, change: Change): void {
  const { statements } = rows;
  switch (change.kind) {
    case 'nonceIssued':
      statements.insertNonce.run({ nonce: change.nonce, expires: change.expiresAtMs });
      return;
    case 'nonceSpent':
      statements.deleteNonce.run({ nonce: change.nonce });
      return;
    case 'listChanged':
      return changeList(rows, change.list);
    case 'linkPut':
      statements.putLink.run({
        address: change.address,
        ciphertext: change.ciphertext,
        expires: change.expiresAtMs,
      });
      return;
    case 'linkTaken':
      if (change.taker === undefined) statements.deleteLink.run({ address: change.address });
      else statements.takeLink.run({ address: change.address, taker: change.taker });
      return;
    case 'deviceAdded':
      return addDevice(rows, change);
    case 'mailStored':
      return storeMail(rows, change);
    case 'mailAcknowledged':
      return forgetMail(rows, change);
    case 'deviceRemoved':
    case 'deviceRenewed':
    case 'headStored':
    case 'identitySealed':
    case 'signedPreKeyStored':
    case 'preKeysStored':
    case 'preKeyIssued':
    case 'keysCounted':
    case 'lastResortStored':
    case 'kemPreKeysStored':
    case 'oneTimeKeysForgotten':
    case 'kemPreKeyIssued':
    case 'kemKeysCounted':
    case 'postAccepted':
    case 'claimAnswered':
      return applyToDevice(rows, change);
  }
}

function applyToDevice(
  rows: Rows,
  change: Exclude<DeviceChange, { kind: 'mailStored' | 'mailAcknowledged' }>,
): void {
  const { statements } = rows;
  const device = rows.device(change.device);
  switch (change.kind) {
    case 'deviceRemoved':
      for (const statement of statements.deleteDevice) statement.run({ device });
      return rows.forgetDevice(change.device);
    case 'deviceRenewed':
      return renewDevice(rows, device, change);
    case 'headStored':
      statements.updateHead.run({ device, head: encodeDeviceHead(change.head) });
      return;
    case 'identitySealed':
      statements.updateSealedIdentity.run({ device, sealed: change.sealed });
      return;
    case 'signedPreKeyStored': {
      const { id, publicKey: key, signature } = change.key;
      statements.updateSignedPreKey.run({ device, id, key, signature });
      return;
    }
    case 'preKeysStored':
      for (const { id, publicKey: key } of change.keys) {
        statements.insertPreKey.run({ device, id, key });
      }
      return;
    case 'preKeyIssued':
      statements.issuePreKey.run({ device, id: change.id, at: change.atMs });
      return;
    case 'keysCounted': {
      const { count, lastIssuedId: issued, highestSeenId: seen } = change.counters;
      statements.updateCounters.run({ device, count, issued, seen });
      return;
    }
    case 'oneTimeKeysForgotten':
      statements.forgetPreKeysOf.run({ device });
      statements.forgetKemPreKeysOf.run({ device });
      return;
    case 'lastResortStored':
    case 'kemPreKeysStored':
    case 'kemPreKeyIssued':
    case 'kemKeysCounted':
      return applyToKemKeys(rows, device, change);
    case 'postAccepted':
      statements.insertPost.run({
        device,
        post: idToBytes(change.postId),
        hash: change.bodyHash,
        version: change.listVersion,
        at: change.atMs,
      });
      return;
    case 'claimAnswered':
      statements.insertClaim.run({
        device,
        claim: idToBytes(change.claimId),
        hash: change.bodyHash,
        answer: encodeOutcome({ ok: true, value: { kind: 'claimKeys', results: change.results } }),
        at: change.atMs,
      });
      statements.dropOldClaims.run({ device });
  }
}

function renewDevice(
  { statements }: Rows,
  device: number,
  { tokenHash: hash, signedPreKey }: Extract<Change, { kind: 'deviceRenewed' }>,
): void {
  for (const statement of statements.deleteKeys) statement.run({ device });
  const { id: keyId, publicKey: key, signature } = signedPreKey;
  statements.renewDevice.run({ device, lookup: lookupOf(hash), hash, keyId, key, signature });
}

type KemChange = Extract<
  DeviceChange,
  { kind: 'lastResortStored' | 'kemPreKeysStored' | 'kemPreKeyIssued' | 'kemKeysCounted' }
>;

function applyToKemKeys({ statements }: Rows, device: number, change: KemChange): void {
  switch (change.kind) {
    case 'lastResortStored': {
      const { id, publicKey: key, signature } = change.key;
      statements.updateLastResort.run({ device, id, key, signature });
      return;
    }
    case 'kemPreKeysStored':
      for (const { id, publicKey: key, signature } of change.keys) {
        statements.insertKemPreKey.run({ device, id, key, signature });
      }
      return;
    case 'kemPreKeyIssued':
      statements.deleteKemPreKey.run({ device, id: change.id });
      return;
    case 'kemKeysCounted': {
      const { count, lastIssuedId: issued, highestSeenId: seen } = change.counters;
      statements.updateKemCounters.run({ device, count, issued, seen });
    }
  }
}

function changeList(rows: Rows, list: SignedDeviceList): void {
  const { userId } = list.list;
  const row = { user: userId, list: encodeSignedDeviceList(list) };
  keepFormer(rows, userId);
  if (rows.statements.updateAccount.run(row) === 0) rows.statements.insertAccount.run(row);
  rows.forgetAccount(userId);
}

/** The list that was current stays for whoever was away, and the oldest goes. */
function keepFormer(rows: Rows, userId: UserId): void {
  const former = rows.account(userId);
  // Where devices have keys of their own nothing follows, and nobody needs to.
  if (former?.list.list.identityKey === undefined) return;
  const { row: account, list } = former;
  const { version } = list.list;
  const { putFormerList, dropFormerLists } = rows.statements;
  putFormerList.run({ account, version, list: encodeSignedDeviceList(list) });
  dropFormerLists.run({ account, version: version + 1 - LISTS_KEPT_MAX });
}

function addDevice(rows: Rows, change: Extract<Change, { kind: 'deviceAdded' }>): void {
  const account = rows.account(change.device.userId);
  invariant(account !== undefined, 'the list is written before its device');
  const { id: keyId, publicKey: key, signature } = change.signedPreKey;
  rows.statements.insertDevice.run({
    account: account.row,
    deviceId: change.device.deviceId,
    lookup: lookupOf(change.tokenHash),
    hash: change.tokenHash,
    keyId,
    key,
    signature,
  });
}

function storeMail(rows: Rows, change: Extract<Change, { kind: 'mailStored' }>): void {
  const { mail } = change;
  const device = rows.device(change.device);
  const taken = rows.statements.takeSeq.get({ device, bytes: mail.content.length });
  invariant(taken !== undefined, 'mail goes to a device that exists');
  rows.statements.insertMail.run({
    device,
    seq: taken.last_seq,
    sender: mail.sender.userId,
    senderDevice: mail.sender.deviceId,
    envelopeId: idToBytes(mail.envelopeId),
    isRetry: mail.kind === 'retry' ? 1 : 0,
    storedAt: mail.storedAtMs,
    content: mail.content,
  });
}

function forgetMail(rows: Rows, change: Extract<Change, { kind: 'mailAcknowledged' }>): void {
  const device = rows.device(change.device);
  let count = 0;
  let bytes = 0;
  for (const seq of change.seqs) {
    const forgotten = rows.statements.deleteMail.get({ device, seq });
    if (forgotten === undefined) continue;
    count++;
    bytes += forgotten.bytes;
  }
  if (count > 0) rows.statements.subtractMail.run({ device, count, bytes });
}
