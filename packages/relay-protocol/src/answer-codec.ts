/** The wire form of outcomes: format byte, the kind's byte or 0 for a refusal, the fields. */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createWriter, err, ok } from '@simsim/bytes';
import type {
  ClaimResult,
  ListResult,
  PreKeyCounters,
  PreKeysTaken,
  RelayAnswer,
  RelayOutcome,
  SignedKeys,
} from './answer.ts';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import { readDeviceHead, writeDeviceHead } from './device-head.ts';
import { readDeviceId } from './device-id-brand.ts';
import { readSignedDeviceList, writeSignedDeviceList } from './device-list.ts';
import {
  BODY_BYTES_MAX,
  DEVICES_MAX,
  ENVELOPES_PER_BATCH_MAX,
  LISTS_KEPT_MAX,
  ONE_TIME_KEM_PRE_KEYS_MAX,
  ONE_TIME_PRE_KEYS_MAX,
  POSTS_PER_REQUEST_MAX,
  PRE_KEY_ID_MAX,
  SEALED_IDENTITY_BYTES_MAX,
} from './limits.ts';
import { readIncoming, readPostResult, writeIncoming, writePostResult } from './post.ts';
import {
  readKemPreKey,
  readPreKeyBundle,
  readSignedPreKey,
  writeKemPreKey,
  writePreKeyBundle,
  writeSignedPreKey,
} from './pre-keys.ts';
import type { RefusalCode, RelayRefusal } from './refusal.ts';
import { KIND_BYTE, readKind } from './request-codec.ts';
import type { RequestKind } from './request.ts';

const REFUSED = 0;

/** Position is the wire byte; new codes go to the end. */
const CODES = [
  'MALFORMED',
  'TOO_LARGE',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'UNKNOWN_USER',
  'USER_EXISTS',
  'DEVICE_EXISTS',
  'BAD_PROOF',
  'BAD_APPROVAL',
  'BAD_LIST',
  'LIST_MOVED',
  'NONCE_UNKNOWN',
  'ID_REUSED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'BAD_HEAD',
  'HEAD_MOVED',
  'IDENTITY_CHANGED',
] as const satisfies readonly RefusalCode[];

/** Encodes an answer or a refusal. */
export function encodeOutcome(outcome: RelayOutcome): Uint8Array {
  const writer = createWriter(512).u8(FORMAT);
  if (outcome.ok) {
    writer.u8(KIND_BYTE[outcome.value.kind]);
    writeAnswer(writer, outcome.value);
  } else {
    writer.u8(REFUSED).u8(CODES.indexOf(outcome.error.code));
    if (outcome.error.code === 'RATE_LIMITED') writer.varint(outcome.error.retryAfterMs);
  }
  return writer.finish();
}

/** Decodes {@link encodeOutcome}. Rejects: `TOO_LARGE`, `UNKNOWN_FORMAT`, `MALFORMED`. */
export function decodeOutcome(bytes: Uint8Array): Result<RelayOutcome, DecodeRejection> {
  return decodeWhole(bytes, BODY_BYTES_MAX, (reader): RelayOutcome => {
    if (bytes[1] === REFUSED) {
      reader.u8();
      return err(readRefusal(reader));
    }
    const kind = readKind(reader);
    return ok(kind === undefined ? { kind: 'ack' } : readAnswer(reader, kind));
  });
}

function readRefusal(reader: BinaryReader): RelayRefusal {
  const code = CODES[reader.u8()];
  if (code === undefined) reader.fail();
  return code === 'RATE_LIMITED'
    ? { code, retryAfterMs: reader.varint() }
    : { code: code ?? 'MALFORMED' };
}

function writeAnswer(writer: BinaryWriter, answer: RelayAnswer): void {
  switch (answer.kind) {
    case 'nonce':
      return writeFixed(writer, answer.nonce, 32);
    case 'getList':
      writer.u8(LIST_RESULTS.indexOf(answer.result.kind));
      if (answer.result.kind === 'list') writeSignedDeviceList(writer, answer.result.list);
      return;
    case 'uploadKeys':
      writePreKeysTaken(writer, answer);
      writePreKeysTaken(writer, answer.kem);
      writer.u8(answer.isSignedPreKeyTaken ? 1 : 0).u8(answer.isLastResortTaken ? 1 : 0);
      return;
    case 'checkKeys':
      writer
        .u8(answer.isSame ? 1 : 0)
        .varint(answer.signedPreKeyId)
        .varint(answer.lastResortId);
      writeCounters(writer, answer.oneTime);
      writeCounters(writer, answer.kem);
      return;
    case 'claimKeys':
      return writeMany(writer, answer.results, (result) => {
        writer.u8(result.deviceId).u8('gone' in result ? 0 : 1);
        if (!('gone' in result)) writePreKeyBundle(writer, result.bundle);
      });
    case 'post':
      return writeMany(writer, answer.results, (result) => writePostResult(writer, result));
    case 'fetch':
      writeMany(writer, answer.envelopes, (envelope) => writeIncoming(writer, envelope));
      writer.u8(answer.isEmpty ? 1 : 0);
      return;
    case 'takeLink':
      writer.u8(answer.ciphertext === undefined ? 0 : 1);
      if (answer.ciphertext !== undefined) writer.bytes(answer.ciphertext);
      return;
    case 'exchangeHead':
      writer.u8(answer.before === undefined ? 0 : 1);
      if (answer.before !== undefined) writeDeviceHead(writer, answer.before);
      return;
    case 'getSuccession':
      writeMany(writer, answer.lists, (list) => writeSignedDeviceList(writer, list));
      writer.u8(answer.sealed === undefined ? 0 : 1);
      if (answer.sealed !== undefined) writer.bytes(answer.sealed);
      return;
    case 'getSignedKeys':
      return writeMany(writer, answer.devices, (keys) => writeSignedKeys(writer, keys));
    case 'createAccount':
    case 'addDevice':
    case 'renewDevice':
    case 'removeDevice':
    case 'ack':
    case 'putLink':
      return;
  }
}

function readAnswer(reader: BinaryReader, kind: RequestKind): RelayAnswer {
  switch (kind) {
    case 'nonce':
      return { kind, nonce: reader.raw(32) };
    case 'getList':
      return { kind, result: readListResult(reader) };
    case 'uploadKeys':
      return {
        kind,
        ...readPreKeysTaken(reader, ONE_TIME_PRE_KEYS_MAX),
        kem: readPreKeysTaken(reader, ONE_TIME_KEM_PRE_KEYS_MAX),
        isSignedPreKeyTaken: readFlag(reader),
        isLastResortTaken: readFlag(reader),
      };
    case 'checkKeys':
      return {
        kind,
        isSame: readFlag(reader),
        signedPreKeyId: readBetween(reader, 1, PRE_KEY_ID_MAX),
        lastResortId: readBetween(reader, 0, PRE_KEY_ID_MAX),
        oneTime: readCounters(reader),
        kem: readCounters(reader),
      };
    case 'claimKeys':
      return { kind, results: readClaimResults(reader) };
    case 'post':
      return {
        kind,
        results: readMany(reader, POSTS_PER_REQUEST_MAX, () => readPostResult(reader)),
      };
    case 'fetch':
      return {
        kind,
        envelopes: readMany(reader, ENVELOPES_PER_BATCH_MAX, () => readIncoming(reader)),
        isEmpty: readFlag(reader),
      };
    case 'takeLink':
      return readFlag(reader) ? { kind, ciphertext: reader.bytes(BODY_BYTES_MAX) } : { kind };
    case 'exchangeHead':
      return readFlag(reader) ? { kind, before: readDeviceHead(reader) } : { kind };
    case 'getSuccession': {
      const lists = readMany(reader, LISTS_KEPT_MAX, () => readSignedDeviceList(reader));
      const hasSealed = readFlag(reader);
      return hasSealed
        ? { kind, lists, sealed: reader.bytes(SEALED_IDENTITY_BYTES_MAX) }
        : { kind, lists };
    }
    case 'getSignedKeys':
      return { kind, devices: readMany(reader, DEVICES_MAX, () => readSignedKeys(reader)) };
    case 'createAccount':
    case 'addDevice':
    case 'renewDevice':
    case 'removeDevice':
    case 'ack':
    case 'putLink':
      return { kind };
  }
}

function writeCounters(writer: BinaryWriter, counters: PreKeyCounters): void {
  writer.varint(counters.count).varint(counters.lastIssuedId).varint(counters.highestSeenId);
}

function readCounters(reader: BinaryReader): PreKeyCounters {
  return {
    count: reader.varint(),
    lastIssuedId: readBetween(reader, 0, PRE_KEY_ID_MAX),
    highestSeenId: readBetween(reader, 0, PRE_KEY_ID_MAX),
  };
}

function writePreKeysTaken(writer: BinaryWriter, taken: PreKeysTaken): void {
  writeCounters(writer, taken);
  writeMany(writer, taken.refusedIds, (id) => writer.varint(id));
}

function readPreKeysTaken(reader: BinaryReader, refusedMax: number): PreKeysTaken {
  return {
    ...readCounters(reader),
    refusedIds: readMany(reader, refusedMax, () => readBetween(reader, 1, PRE_KEY_ID_MAX)),
  };
}

const LIST_RESULTS = [
  'unchanged',
  'list',
  'unknownUser',
] as const satisfies readonly ListResult['kind'][];

function readListResult(reader: BinaryReader): ListResult {
  const kind = LIST_RESULTS[reader.u8()];
  if (kind === undefined) reader.fail();
  if (kind === 'list') return { kind, list: readSignedDeviceList(reader) };
  return { kind: kind ?? 'unchanged' };
}

/** Of each device once. */
function readClaimResults(reader: BinaryReader): readonly ClaimResult[] {
  const results = readMany(reader, DEVICES_MAX, () => readClaimResult(reader));
  if (new Set(results.map(({ deviceId }) => deviceId)).size !== results.length) reader.fail();
  return results;
}

function readClaimResult(reader: BinaryReader): ClaimResult {
  const deviceId = readDeviceId(reader);
  if (!readFlag(reader)) return { deviceId, gone: true };
  const bundle = readPreKeyBundle(reader);
  if (bundle.deviceId !== deviceId) reader.fail();
  return { deviceId, bundle };
}

function writeSignedKeys(writer: BinaryWriter, keys: SignedKeys): void {
  const { deviceId, signedPreKey, lastResort } = keys;
  writeSignedPreKey(writer.u8(deviceId), signedPreKey);
  writer.u8(lastResort === undefined ? 0 : 1);
  if (lastResort !== undefined) writeKemPreKey(writer, lastResort);
}

function readSignedKeys(reader: BinaryReader): SignedKeys {
  const keys = { deviceId: readDeviceId(reader), signedPreKey: readSignedPreKey(reader) };
  return readFlag(reader) ? { ...keys, lastResort: readKemPreKey(reader) } : keys;
}

function readFlag(reader: BinaryReader): boolean {
  const value = reader.u8();
  if (value > 1) reader.fail();
  return value === 1;
}
