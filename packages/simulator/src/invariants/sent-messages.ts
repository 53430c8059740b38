/** The messages that a commit encrypted, each with the session that is there to send to its device. */

import { bytesToHex } from '@simsim/bytes';
import type { RunResult } from '@simsim/device-core';
import type { OutgoingEnvelope, UserId } from '@simsim/relay-protocol';
import { chainsStream, sessionStream, userStream } from '@simsim/sesame';
import type { DeviceRecord, PostOrigin, SessionAddress, UserRecord } from '@simsim/sesame';
import type { SessionCold } from '@simsim/session';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';

/** One message that a commit encrypted. */
export interface SentMessage {
  readonly userId: UserId;
  readonly envelope: OutgoingEnvelope;
  readonly origin: PostOrigin;
  /** The chain it is of, as the wire names it. */
  readonly chain: string;
  readonly record: UserRecord | undefined;
  readonly device: DeviceRecord | undefined;
  /** The device's active session, and how it stands after the commit. */
  readonly active: ActiveSession | undefined;
}

/** An active session. */
interface ActiveSession {
  readonly at: SessionAddress;
  /** Its sending chain, as the wire names it; `undefined` where it has none. */
  readonly chain: string | undefined;
  readonly cold: SessionCold | undefined;
}

/** Every message of a commit's posts. */
export function* sentMessages(process: Process, { effects }: RunResult): Generator<SentMessage> {
  for (const effect of effects) {
    if (effect.type !== 'post') continue;
    const { recipient: userId, envelopes } = effect.post;
    const record = process.core.reader().value('user', userStream(userId));
    for (const envelope of envelopes) {
      const message = envelope.kind === 'message' ? wireMessage(envelope.content) : undefined;
      if (message === undefined) continue;
      const device = record?.devices.get(envelope.deviceId);
      const active = device && activeSession(process, userId, device);
      const { chain } = message;
      yield { userId, envelope, origin: effect.origin, chain, record, device, active };
    }
  }
}

function activeSession(
  { core }: Process,
  userId: UserId,
  { deviceId, active }: DeviceRecord,
): ActiveSession | undefined {
  if (active === undefined) return undefined;
  const at = { userId, deviceId, session: active };
  const sending = core.reader().value('session', sessionStream(at))?.sending;
  const chain = sending?.kind === 'ready' ? bytesToHex(sending.own.publicKey.bytes) : undefined;
  return { at, chain, cold: core.reader().value('chains', chainsStream(at)) };
}
