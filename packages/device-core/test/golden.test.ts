/** Bodies of inbox and outbox rows, of every origin and in every version there ever was. */

import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import {
  envelopeIdFromBytes,
  messageIdFromBytes,
  parseDeviceId,
  parseUserId,
  postIdFromBytes,
} from '@simsim/relay-protocol';
import type { DeviceId, OutgoingEnvelope, UserId } from '@simsim/relay-protocol';
import type { InboxItem, PostOrigin } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { describeGolden, toPlain } from '../../../.ci/golden.ts';
import type { GoldenSample } from '../../../.ci/golden.ts';
import { decodeInboxItem, encodeInboxItem, INBOX_VERSIONS } from '../src/inbox-codec.ts';
import { decodeOutboxItem, encodeOutboxItem, OUTBOX_VERSIONS } from '../src/outbox-codec.ts';
import type { OutboxItem } from '../src/outbox-codec.ts';

const entropy = seededEntropy(encodeUtf8('golden bodies'), nodeCrypto);
const messageId = messageIdFromBytes(entropy(16));
const [userId, deviceId] = [userNamed('zoë'), deviceNumbered(2)];

function userNamed(name: string): UserId {
  const parsed = parseUserId(name);
  if (!parsed.ok) throw new Error('tests name users well');
  return parsed.value;
}

function deviceNumbered(id: number): DeviceId {
  const parsed = parseDeviceId(id);
  if (!parsed.ok) throw new Error('tests number devices well');
  return parsed.value;
}

const received: InboxItem = {
  messageId,
  envelopeId: envelopeIdFromBytes(entropy(16)),
  sender: userId,
  senderDevice: deviceId,
  sentAt: 1_700_000_000_000,
  body: encodeUtf8('waits for the application'),
};
const INBOX: Readonly<Record<string, InboxItem>> = {
  plain: received,
  'of a conversation': { ...received, conversation: 'forty' },
  'copy of an own message': { ...received, to: [userNamed('ali'), userNamed('bo')] },
  'to nobody, of a conversation': { ...received, to: [], conversation: '' },
};

const envelope = (id: number, kind: OutgoingEnvelope['kind']): OutgoingEnvelope => ({
  deviceId: deviceNumbered(id),
  registrationId: 16_000 + id,
  envelopeId: envelopeIdFromBytes(entropy(16)),
  kind,
  content: entropy(kind === 'retry' ? 16 : 200),
});
const ORIGINS: { readonly [T in PostOrigin['type']]: Extract<PostOrigin, { type: T }> } = {
  round: { type: 'round', messageId, userId },
  resend: { type: 'resend', messageId, userId, deviceId },
  notice: { type: 'notice', userId, deviceId },
};
const OUTBOX: Readonly<Record<PostOrigin['type'], OutboxItem>> = {
  round: {
    origin: ORIGINS.round,
    post: {
      postId: postIdFromBytes(entropy(16)),
      recipient: userId,
      scope: 'all',
      envelopes: [envelope(1, 'message'), envelope(2, 'message')],
    },
  },
  resend: {
    origin: ORIGINS.resend,
    post: {
      postId: postIdFromBytes(entropy(16)),
      recipient: userId,
      scope: 'device',
      envelopes: [envelope(2, 'message')],
    },
  },
  notice: {
    origin: ORIGINS.notice,
    post: {
      postId: postIdFromBytes(entropy(16)),
      recipient: userId,
      scope: 'device',
      envelopes: [envelope(2, 'retry')],
    },
  },
};

function inboxSample(item: InboxItem): Omit<GoldenSample, 'kind'> {
  return { version: INBOX_VERSIONS.at(-1) ?? 0, bytes: encodeInboxItem(item) };
}

function outboxSample(item: OutboxItem): Omit<GoldenSample, 'kind'> {
  return { version: OUTBOX_VERSIONS.at(-1) ?? 0, bytes: encodeOutboxItem(item) };
}

describeGolden('queue bodies', {
  file: new URL('../golden/queues.json', import.meta.url),
  readable: [
    ...INBOX_VERSIONS.map((version) => ({ kind: 'inbox', version })),
    ...OUTBOX_VERSIONS.map((version) => ({ kind: 'outbox', version })),
  ],
  samples: [
    ...Object.entries(INBOX).map(([title, item]) => ({
      kind: 'inbox',
      title,
      ...inboxSample(item),
    })),
    ...Object.entries(OUTBOX).map(([title, item]) => ({
      kind: 'outbox',
      title,
      ...outboxSample(item),
    })),
  ],
  decode: ({ kind }, bytes) =>
    toPlain(kind === 'inbox' ? decodeInboxItem(bytes) : decodeOutboxItem(bytes)),
  encode: ({ kind }, bytes) =>
    kind === 'inbox' ? inboxSample(decodeInboxItem(bytes)) : outboxSample(decodeOutboxItem(bytes)),
});

describe('a version that no release has written', () => {
  it('of a queue body cannot be in a log that opened, so it is a bug', () => {
    const inbox = encodeInboxItem(received);
    const outbox = encodeOutboxItem(OUTBOX.round);
    for (const version of [0, 2, 255]) {
      expect(() => decodeInboxItem(inbox.with(0, version))).toThrow('reads back');
      expect(() => decodeOutboxItem(outbox.with(0, version))).toThrow('reads back');
    }
  });
});
