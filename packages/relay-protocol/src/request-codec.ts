/** The wire form of requests: format byte, a byte for the kind, the fields in order. */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createWriter } from '@simsim/bytes';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import { readDeviceApproval, writeDeviceApproval } from './device-approval.ts';
import { readDeviceHead, writeDeviceHead } from './device-head.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import { readSignedDeviceList, writeSignedDeviceList } from './device-list.ts';
import { readSeqs } from './frame.ts';
import {
  BODY_BYTES_MAX,
  DEVICES_MAX,
  ENVELOPES_PER_BATCH_MAX,
  LIST_VERSION_MAX,
  POSTS_PER_REQUEST_MAX,
} from './limits.ts';
import { readIds, readPost, writeIds, writePost } from './post.ts';
import { readPreKeyUpload, writePreKeyUpload } from './pre-keys.ts';
import type { ClaimId } from './random-id-brand.ts';
import { idToBytes, readRandomId } from './random-id-brand.ts';
import type { PostRequest, RelayRequest, RequestKind, UploadKeysRequest } from './request.ts';
import { readHeirs, writeHeirs } from './succession.ts';
import { readUserId } from './user-id-brand.ts';

/** The byte of each kind, in requests and answers alike. */
export const KIND_BYTE: Readonly<Record<RequestKind, number>> = {
  nonce: 1,
  createAccount: 2,
  addDevice: 3,
  removeDevice: 4,
  getList: 5,
  uploadKeys: 6,
  claimKeys: 7,
  post: 8,
  fetch: 9,
  ack: 10,
  putLink: 11,
  takeLink: 12,
  exchangeHead: 13,
  renewDevice: 14,
  checkKeys: 15,
  getSuccession: 16,
  getSignedKeys: 17,
};

/** Every kind of request. */
export const REQUEST_KINDS: readonly RequestKind[] = Object.keys(KIND_BYTE) as RequestKind[];

/** Encodes a request. Values outside their range are a bug of the caller. */
export function encodeRequest(request: RelayRequest): Uint8Array {
  const writer = createWriter(1024).u8(FORMAT).u8(KIND_BYTE[request.kind]);
  writeFields(writer, request);
  return writer.finish();
}

/** Decodes {@link encodeRequest}. Rejects: `TOO_LARGE`, `UNKNOWN_FORMAT`, `MALFORMED`. */
export function decodeRequest(bytes: Uint8Array): Result<RelayRequest, DecodeRejection> {
  return decodeWhole(bytes, BODY_BYTES_MAX, (reader): RelayRequest => {
    const kind = readKind(reader);
    return kind === undefined ? { kind: 'nonce' } : readFields(reader, kind);
  });
}

/** Reads a kind byte; an unknown one fails the reader. */
export function readKind(reader: BinaryReader): RequestKind | undefined {
  const byte = reader.u8();
  const kind = REQUEST_KINDS.find((name) => KIND_BYTE[name] === byte);
  if (kind === undefined) reader.fail();
  return kind;
}

function writeFields(writer: BinaryWriter, request: RelayRequest): void {
  switch (request.kind) {
    case 'nonce':
      return;
    case 'createAccount':
      writer.text(request.userId);
      writeFixed(writer, request.nonce, 32);
      writeSignedDeviceList(writer, request.list);
      writeFixed(writer, request.identityProof, 64);
      writeFixed(writer, request.deviceProof, 64);
      writeFixed(writer, request.tokenHash, 32);
      return writePreKeyUpload(writer, request.keys);
    case 'addDevice':
      writer.text(request.userId);
      writeFixed(writer, request.nonce, 32);
      writer.u8(request.deviceId);
      writeDeviceApproval(writer, request.approval);
      writeSignedDeviceList(writer, request.list);
      writeFixed(writer, request.deviceProof, 64);
      if (request.identityProof !== undefined) writeFixed(writer, request.identityProof, 64);
      writeFixed(writer, request.tokenHash, 32);
      return writePreKeyUpload(writer, request.keys);
    case 'renewDevice':
      writer.text(request.userId);
      writeFixed(writer, request.nonce, 32);
      writer.u8(request.deviceId);
      writeSignedDeviceList(writer, request.list);
      writeFixed(writer, request.deviceProof, 64);
      writeFixed(writer, request.tokenHash, 32);
      return writePreKeyUpload(writer, request.keys);
    case 'removeDevice':
      writeSignedDeviceList(writer, request.list);
      return writeHeirs(writer, request.heirs ?? []);
    case 'getSuccession':
      writer.text(request.userId).u8(request.deviceId).varint(request.since);
      return writeFixed(writer, request.signature, 64);
    case 'getSignedKeys':
      return writeIds(writer, request.devices);
    case 'getList':
      writer.text(request.userId).varint(request.since);
      return;
    case 'uploadKeys':
      return writeUpload(writer, request);
    case 'checkKeys':
      return writeFixed(writer, request.digest, 32);
    case 'claimKeys':
      writer.raw(idToBytes(request.claimId)).text(request.userId);
      return writeIds(writer, request.devices);
    case 'post':
      return writePosts(writer, request);
    case 'exchangeHead':
      return writeDeviceHead(writer, request.head);
    case 'fetch':
      writer.varint(request.after).varint(request.limit);
      return;
    case 'ack':
      return writeMany(writer, request.seqs, (seq) => writer.varint(seq));
    case 'putLink':
      writeFixed(writer, request.address, 16);
      writer.bytes(request.ciphertext);
      return;
    case 'takeLink':
      writeFixed(writer, request.address, 16);
      if (request.taker !== undefined) writeFixed(writer, request.taker, 16);
  }
}

function writePosts(writer: BinaryWriter, { posts, from }: PostRequest): void {
  writeMany(writer, posts, (post) => writePost(writer, post));
  writer.u8(from === undefined ? 0 : 1);
  if (from === undefined) return;
  writeDeviceHead(writer, from.head);
  writeFixed(writer, from.expected, 32);
}

function readPosts(reader: BinaryReader): PostRequest {
  const posts = readMany(reader, POSTS_PER_REQUEST_MAX, () => readPost(reader));
  const flag = reader.u8();
  if (flag > 1) reader.fail();
  if (flag !== 1) return { kind: 'post', posts };
  const from = { head: readDeviceHead(reader), expected: reader.raw(32) };
  return { kind: 'post', posts, from };
}

function readFields(reader: BinaryReader, kind: RequestKind): RelayRequest {
  switch (kind) {
    case 'nonce':
      return { kind };
    case 'createAccount':
      return {
        kind,
        userId: readUserId(reader),
        nonce: reader.raw(32),
        list: readSignedDeviceList(reader),
        identityProof: reader.raw(64),
        deviceProof: reader.raw(64),
        tokenHash: reader.raw(32),
        keys: readPreKeyUpload(reader),
      };
    case 'addDevice':
      return readAddDevice(reader);
    case 'renewDevice':
      return {
        kind,
        userId: readUserId(reader),
        nonce: reader.raw(32),
        deviceId: readDeviceId(reader),
        list: readSignedDeviceList(reader),
        deviceProof: reader.raw(64),
        tokenHash: reader.raw(32),
        keys: readPreKeyUpload(reader),
      };
    case 'removeDevice':
      return readRemoval(reader);
    case 'getSuccession':
      return {
        kind,
        userId: readUserId(reader),
        deviceId: readDeviceId(reader),
        since: readBetween(reader, 0, LIST_VERSION_MAX),
        signature: reader.raw(64),
      };
    case 'getList':
      return { kind, userId: readUserId(reader), since: readBetween(reader, 0, LIST_VERSION_MAX) };
    case 'uploadKeys':
      return readUpload(reader);
    case 'checkKeys':
      return { kind, digest: reader.raw(32) };
    case 'claimKeys':
    case 'getSignedKeys':
    case 'post':
    case 'fetch':
    case 'ack':
    case 'putLink':
    case 'takeLink':
    case 'exchangeHead':
      return readMailFields(reader, kind);
  }
}

/** What proves an identity key of its own is there where the list says that the device has one. */
function readAddDevice(reader: BinaryReader): RelayRequest {
  const userId = readUserId(reader);
  const nonce = reader.raw(32);
  const deviceId = readDeviceId(reader);
  const approval = readDeviceApproval(reader);
  const list = readSignedDeviceList(reader);
  const hasOwn = list.list.identityKey === undefined;
  return {
    kind: 'addDevice',
    userId,
    nonce,
    deviceId,
    approval,
    list,
    deviceProof: reader.raw(64),
    ...(hasOwn ? { identityProof: reader.raw(64) } : {}),
    tokenHash: reader.raw(32),
    keys: readPreKeyUpload(reader),
  };
}

/** Bits of the byte that ends an upload. */
const REPLACES_ONE_TIME = 1;
const HAS_IDENTITY = 2;

function writeUpload(writer: BinaryWriter, request: UploadKeysRequest): void {
  const { keys, replacesOneTime, identityKey } = request;
  writePreKeyUpload(writer, keys);
  const isAnew = replacesOneTime === true ? REPLACES_ONE_TIME : 0;
  writer.u8(isAnew | (identityKey === undefined ? 0 : HAS_IDENTITY));
  if (identityKey !== undefined) writeFixed(writer, identityKey, 32);
}

function readUpload(reader: BinaryReader): RelayRequest {
  const keys = readPreKeyUpload(reader);
  const flags = reader.u8();
  if (flags > (REPLACES_ONE_TIME | HAS_IDENTITY)) reader.fail();
  return {
    kind: 'uploadKeys',
    keys,
    ...(flags & REPLACES_ONE_TIME ? { replacesOneTime: true } : {}),
    ...(flags & HAS_IDENTITY ? { identityKey: reader.raw(32) } : {}),
  };
}

function readRemoval(reader: BinaryReader): RelayRequest {
  const list = readSignedDeviceList(reader);
  const heirs = readHeirs(reader);
  return { kind: 'removeDevice', list, ...(heirs.length > 0 && { heirs }) };
}

type MailKind =
  | 'claimKeys'
  | 'getSignedKeys'
  | 'post'
  | 'fetch'
  | 'ack'
  | 'putLink'
  | 'takeLink'
  | 'exchangeHead';

function readMailFields(reader: BinaryReader, kind: MailKind): RelayRequest {
  switch (kind) {
    case 'claimKeys': {
      const claimId = readRandomId<ClaimId>(reader);
      const userId = readUserId(reader);
      return { kind, claimId, userId, devices: readDevices(reader) };
    }
    case 'getSignedKeys':
      return { kind, devices: readDevices(reader) };
    case 'post':
      return readPosts(reader);
    case 'exchangeHead':
      return { kind, head: readDeviceHead(reader) };
    case 'fetch':
      return {
        kind,
        after: readBetween(reader, 0, Number.MAX_SAFE_INTEGER),
        limit: readBetween(reader, 1, ENVELOPES_PER_BATCH_MAX),
      };
    case 'ack':
      return { kind, seqs: readSeqs(reader) };
    case 'putLink':
      return { kind, address: reader.raw(16), ciphertext: reader.bytes(BODY_BYTES_MAX) };
    case 'takeLink': {
      const address = reader.raw(16);
      return { kind, address, ...(reader.left() > 0 && { taker: reader.raw(16) }) };
    }
  }
}

function readDevices(reader: BinaryReader): DeviceId[] {
  const devices = readIds(reader);
  if (devices.length === 0 || devices.length > DEVICES_MAX) reader.fail();
  return devices;
}
