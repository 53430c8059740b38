/**
 * Own heads, and those of the user's other devices: judging what comes back of one's own word, and
 * the `heads` stream, which holds the newest word of each other device, to be echoed to it.
 */

import { equalBytes } from '@simsim/bytes';
import type { Crypto, Part } from '@simsim/crypto';
import {
  isDeviceHeadOf,
  readDeviceHead,
  readDeviceId,
  signDeviceHead,
  writeDeviceHead,
} from '@simsim/relay-protocol';
import type { DeviceHead, DeviceId } from '@simsim/relay-protocol';
import { DEVICE_RECORDS_MAX } from './limits.ts';
import type { OwnDevice } from './own-device.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';

/** A place in a log: the event and its link [32]. */
export interface LogPlace {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** This device's log, as far as heads speak of it. */
export interface ChainView {
  /** 16 bytes. */
  readonly logId: Uint8Array;
  /** The last durable event. */
  readonly tip: LogPlace;
  /** The link at an event, `undefined` where the log has none. */
  link(seq: number): Uint8Array | undefined;
}

/**
 * What one's own head says that somebody gives back. `ahead` and `beside` are evidence: the log was
 * put back, or a copy of it runs elsewhere. `former`: of an incarnation before this one. `foreign`:
 * not signed by this device, so it says nothing.
 */
export type HeadVerdict = 'fresh' | 'ahead' | 'beside' | 'former' | 'foreign';

/** Judges a head that should be this device's own. */
export function judgeHead(
  head: DeviceHead,
  { own, chain }: { own: OwnDevice; chain: ChainView },
  crypto: Pick<Crypto, 'verifyDeviceKey'>,
): HeadVerdict {
  const signer = { deviceKey: own.deviceKey.publicKey, registrationId: head.incarnation };
  if (!isDeviceHeadOf(head, signer, crypto)) return 'foreign';
  if (head.incarnation !== own.registrationId) return 'former';
  if (!equalBytes(head.logId, chain.logId)) return 'beside';
  if (head.seq > chain.tip.seq) return 'ahead';
  const link = chain.link(head.seq);
  return link === undefined || equalBytes(link, head.hash) ? 'fresh' : 'beside';
}

/** Signs where the log stands; `at` is wall ms. Bug for an empty log. */
export function signedHead(
  { own, chain }: { own: OwnDevice; chain: ChainView },
  at: number,
  crypto: Pick<Crypto, 'signWithDeviceKey'>,
): DeviceHead {
  const { logId, tip } = chain;
  const { seq, hash } = tip;
  const incarnation = own.registrationId;
  return signDeviceHead({ logId, incarnation, seq, hash, at }, own.deviceKey, crypto);
}

/** The `heads` stream: the newest head seen of each other device of the user. */
export type KnownHeads = ReadonlyMap<DeviceId, DeviceHead>;

/** The newest form of known heads. */
export const HEADS_VERSION = 1;

/** The state as parts to be sealed. */
export function encodeKnownHeads(heads: KnownHeads): readonly Part[] {
  return createStateWriter(HEADS_VERSION)
    .fields((fields) => {
      fields.varint(heads.size);
      for (const [deviceId, head] of heads) writeDeviceHead(fields.u8(deviceId), head);
    })
    .finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeKnownHeads(bytes: Uint8Array, crypto: Crypto): KnownHeads | undefined {
  const { fields } = createStateReader(bytes, HEADS_VERSION, crypto);
  const heads = new Map<DeviceId, DeviceHead>();
  const count = fields.varint();
  if (count > DEVICE_RECORDS_MAX) return undefined;
  for (let i = 0; i < count && fields.isIntact(); i++) {
    heads.set(readDeviceId(fields), readDeviceHead(fields));
  }
  return fields.isDone() ? heads : undefined;
}
